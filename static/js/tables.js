/** Repeats each column's heading beside its cells, for the stacked layout on a phone. */

function labelCells(table) {
  const headings = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  table.setAttribute("role", "table");
  for (const row of table.querySelectorAll("tbody tr")) {
    row.setAttribute("role", "row");
    [...row.cells].forEach((cell, column) => {
      cell.setAttribute("role", column === 0 ? "rowheader" : "cell");
      if (column > 0 && headings[column]) cell.dataset.label = headings[column];
    });
  }
}

for (const table of document.querySelectorAll(".prose table")) labelCells(table);
