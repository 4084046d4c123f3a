// What pages do beyond plain HTML: charts drawn from the tables beside them, a question before what cannot be undone, the
// switcher that needs no button, and a word where a page falls behind. Without this file everything still works.

"use strict";

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const charts = new Map();

// A table with data-chart="line" or "bar": its first column names the points, every `th` with data-series in its head is a
// series, whose colour that may name, and a cell's figure is its data-value, else its text. The canvas goes into the element that data-into names.
const read = (table) => {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const rows = [...table.tBodies[0].rows];
  const figure = (cell) => {
    const value = cell.dataset.value ?? cell.textContent;
    return value.trim() === "" || Number.isNaN(Number(value)) ? null : Number(value);
  };
  return {
    labels: rows.map((row) => row.cells[0].dataset.short ?? row.cells[0].textContent.trim()),
    series: heads
      .map((head, at) => ({ name: head.textContent.trim(), at, shown: "series" in head.dataset, tone: head.dataset.series }))
      .filter((one) => one.shown)
      .map((one) => ({ label: one.name, tone: one.tone, data: rows.map((row) => figure(row.cells[one.at])) })),
  };
};

const draw = (table) => {
  const place = document.getElementById(table.dataset.into);
  if (!place || typeof Chart === "undefined") return;
  const { labels, series } = read(table);
  let canvas = place.querySelector("canvas");
  if (!canvas) {
    canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true"); // the table says the same
    place.replaceChildren(canvas);
  }
  charts.get(place.id)?.destroy();
  const stacked = "stacked" in table.dataset;
  const text = style("--muted");
  charts.set(
    place.id,
    new Chart(canvas, {
      type: table.dataset.chart,
      data: {
        labels,
        datasets: series.map(({ tone, ...one }, at) => {
          const colour = style(tone ? `--tone-${tone}` : `--chart-${(at % 6) + 1}`);
          return {
            ...one,
            borderColor: colour,
            backgroundColor: table.dataset.chart === "bar" ? colour : `${colour}22`,
            borderWidth: table.dataset.chart === "bar" ? 0 : 2,
            borderDash: at % 2 ? [5, 3] : [],
            pointRadius: labels.length > 40 ? 0 : 2.5,
            tension: 0.25,
            fill: table.dataset.chart === "line" && at === 0,
          };
        }),
      },
      options: {
        animation: false,
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { stacked, ticks: { color: text, maxRotation: 0, autoSkipPadding: 16 }, grid: { display: false } },
          y: { stacked, beginAtZero: true, ticks: { color: text, precision: 0 }, grid: { color: style("--line") } },
        },
        plugins: { legend: { labels: { color: text, boxWidth: 14 } } },
        locale: document.documentElement.lang,
      },
    }),
  );
};

const drawAll = () => {
  for (const [id, chart] of charts) {
    if (!chart.canvas?.isConnected) {
      chart.destroy();
      charts.delete(id);
    }
  }
  document.querySelectorAll("table[data-chart]").forEach(draw);
};

document.addEventListener("DOMContentLoaded", drawAll);
document.addEventListener("htmx:after:swap", drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

// A form that cannot be undone carries its question, and is sent after a yes.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.question ?? event.target.dataset.question;
  if (question && !window.confirm(question)) event.preventDefault();
});

// A choice that takes effect at once; its button is for those without scripts.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-now]")) event.target.form.requestSubmit();
});

// A table is searched by what stands in its rows: the field names the table.
document.addEventListener("input", (event) => {
  if (!event.target.matches("input[data-find]")) return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const row of document.getElementById(event.target.dataset.find).tBodies[0].rows) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
  }
});

// What only works with scripts is shown, and what only stands in for them is hidden: also in a part that came later.
const suit = () => {
  document.querySelectorAll("[data-with-script]").forEach((one) => one.removeAttribute("hidden"));
  document.querySelectorAll("[data-without-script]").forEach((one) => one.setAttribute("hidden", ""));
};
suit();
document.addEventListener("htmx:after:swap", suit);

// A page whose session is over shows nothing any more: it goes to sign in. One that lost its stream says so, and looks what it
// missed as soon as it has it back.
const behind = (is) => document.getElementById("behind")?.toggleAttribute("hidden", !is);
document.addEventListener("htmx:sse:error", (event) => {
  if (event.detail.status === 401) location.reload();
  else behind(true);
});
document.addEventListener("htmx:sse:after:connection", () => {
  const notice = document.getElementById("behind");
  if (!notice || notice.hidden) return;
  behind(false);
  htmx.trigger("#stream", "changed");
});

// On a small screen the list of pages is one line: it begins where the page itself is named.
document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
