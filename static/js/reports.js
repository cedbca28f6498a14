/* Draws the charts of a report from the tables beside them, in the colours of css/tokens.css. */
(() => {
  const PLAIN = /^-?\d+(\.\d+)?$/;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const looks = [matchMedia("(prefers-color-scheme: dark)"), matchMedia("(prefers-contrast: more)"), matchMedia("print")];
  const charts = [];

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function rowsOf(table) {
    return [...table.tBodies[0].rows].map((row) => ({
      name: row.cells[0].textContent.trim(),
      cells: [...row.cells].map((cell) => ({
        shown: cell.textContent.trim(),
        value: PLAIN.test(cell.dataset.value ?? "") ? Number(cell.dataset.value) : null,
      })),
    }));
  }

  function configuration(figure) {
    const table = document.getElementById(figure.dataset.chart);
    const rows = rowsOf(table);
    const columns = figure.dataset.columns.split(",").map(Number);
    const lies = figure.dataset.lying === "yes";
    const headings = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const figures = lies ? "x" : "y";
    return {
      type: "bar",
      data: {
        labels: rows.map((row) => row.name),
        datasets: columns.map((column) => ({
          label: headings[column],
          data: rows.map((row) => row.cells[column].value),
          borderRadius: 3,
          maxBarThickness: 28,
        })),
      },
      options: {
        indexAxis: lies ? "y" : "x",
        maintainAspectRatio: false,
        animation: calm.matches ? false : { duration: 320 },
        interaction: { mode: "index", axis: lies ? "y" : "x", intersect: false },
        scales: {
          x: { grid: { display: lies } },
          y: { grid: { display: !lies } },
          [figures]: { beginAtZero: true, ticks: { precision: 0, maxTicksLimit: 6 }, grid: {} },
        },
        plugins: {
          legend: { display: columns.length > 1, position: "top", align: "start", labels: { boxWidth: 14, boxHeight: 14 } },
          tooltip: { callbacks: { label: (at) => `${at.dataset.label}: ${rows[at.dataIndex].cells[columns[at.datasetIndex]].shown}` } },
        },
      },
    };
  }

  function dress(chart) {
    const colours = [token("--sage-deep"), token("--advice")];
    const ink = token("--ink-soft");
    const font = { family: token("--font-text"), size: 14 };
    const { datasets } = chart.data;
    datasets.forEach((set, n) => {
      set.backgroundColor = datasets.length > 1 ? colours[n] : token("--advice");
    });
    chart.options.font = font;
    chart.options.color = ink;
    for (const scale of Object.values(chart.options.scales)) {
      Object.assign(scale.ticks ??= {}, { color: ink, font });
      Object.assign(scale.grid, { color: token("--hairline") });
      scale.border = { color: token("--hairline") };
    }
    Object.assign(chart.options.plugins.legend.labels, { color: ink, font });
    Object.assign(chart.options.plugins.tooltip, {
      backgroundColor: token("--pond"), titleColor: token("--ink-on-pond"), bodyColor: token("--ink-on-pond"),
      titleFont: font, bodyFont: font, padding: 10,
    });
    chart.update("none");
  }

  function draw(figure) {
    const setup = configuration(figure);
    figure.hidden = false;
    const lines = setup.data.labels.length * (setup.data.datasets.length > 1 ? 44 : 34) + 90;
    figure.style.blockSize = figure.dataset.lying === "yes" ? `${lines}px` : "";
    const chart = new Chart(figure.querySelector("canvas"), setup);
    charts.push(chart);
    dress(chart);
  }

  function unfold(open) {
    for (const fold of document.querySelectorAll(".sheet__figures")) fold.open = open;
  }

  document.querySelectorAll("[data-chart]").forEach(draw);
  document.fonts?.ready.then(() => charts.forEach(dress));
  for (const look of looks) look.addEventListener("change", () => charts.forEach(dress));
  // On paper nothing can be unfolded, and the charts have the width of the sheet.
  addEventListener("beforeprint", () => {
    unfold(true);
    charts.forEach((chart) => chart.resize());
  });
  addEventListener("afterprint", () => {
    unfold(false);
    charts.forEach((chart) => chart.resize());
  });
})();
