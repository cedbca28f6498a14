/* Draws the charts of a report from the tables beside them, in the colours of css/tokens.css. */
(() => {
  const PLAIN = /^-?\d+(\.\d+)?$/;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const contrast = matchMedia("(prefers-contrast: more)");
  const narrow = matchMedia("(max-width: 47.99rem)");
  const charts = [];

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /* On a phone a long name stands in lines of about sixteen letters. */
  function label(name) {
    if (!narrow.matches) return name;
    return name.split(" ").reduce((lines, word) => {
      const last = lines.at(-1);
      if (last === undefined || last.length + word.length > 16) return [...lines, word];
      return [...lines.slice(0, -1), `${last} ${word}`];
    }, []);
  }

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
    const unit = new Intl.NumberFormat(document.documentElement.lang, figure.dataset.percent === "yes" ? { style: "percent" } : {});
    const tick = (value) => unit.format(figure.dataset.percent === "yes" ? value / 100 : value);
    return {
      type: "bar",
      data: {
        labels: rows.map((row) => (lies ? label(row.name) : row.name)),
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
          y: { grid: { display: !lies }, ticks: { autoSkip: !lies } },
          [figures]: { beginAtZero: true, ticks: { precision: 0, maxTicksLimit: 6, callback: tick }, grid: {} },
        },
        plugins: {
          colors: { enabled: false },
          legend: { display: columns.length > 1, position: "top", align: "start", labels: { boxWidth: 14, boxHeight: 14 } },
          tooltip: { callbacks: { label: (at) => `${at.dataset.label}: ${rows[at.dataIndex].cells[columns[at.datasetIndex]].shown}` } },
        },
      },
    };
  }

  /* What a chart looks like: every colour is a token, read anew at each change of the scheme. */
  function dressed(setup) {
    const ink = token("--ink-soft");
    const font = { family: token("--font-text"), size: 14 };
    const { datasets } = setup.data;
    const colours = datasets.length > 1 ? ["--sage-deep", "--advice"] : ["--advice"];
    datasets.forEach((set, n) => {
      set.backgroundColor = token(colours[n]);
      set.hoverBackgroundColor = token("--clay");
    });
    for (const scale of Object.values(setup.options.scales)) {
      scale.ticks = { ...scale.ticks, color: ink, font };
      scale.grid = { ...scale.grid, color: token("--hairline") };
      scale.border = { color: token("--hairline") };
    }
    const { legend, tooltip } = setup.options.plugins;
    Object.assign(legend.labels, { color: ink, font });
    Object.assign(tooltip, {
      backgroundColor: token("--pond"), titleColor: token("--ink-on-pond"), bodyColor: token("--ink-on-pond"),
      titleFont: font, bodyFont: font, padding: 10,
    });
    return setup;
  }

  function draw(figure) {
    figure.hidden = false;
    const setup = dressed(configuration(figure));
    const lines = setup.data.labels.length * (setup.data.datasets.length > 1 ? 44 : 36) + 90;
    figure.style.blockSize = figure.dataset.lying === "yes" ? `${lines}px` : "";
    charts.push(new Chart(figure.querySelector("canvas"), setup));
  }

  function drawAll() {
    charts.splice(0).forEach((chart) => chart.destroy());
    document.body.classList.toggle("reports--dark", dark.matches);
    document.querySelectorAll("[data-chart]").forEach(draw);
  }

  function unfold(open) {
    for (const fold of document.querySelectorAll(".sheet__figures")) fold.open = open;
  }

  drawAll();
  document.fonts.ready.then(drawAll);
  for (const look of [dark, contrast, narrow]) look.addEventListener("change", drawAll);
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
