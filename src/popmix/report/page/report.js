"use strict";
(function () {
  const config = { displaylogo: false, responsive: true, modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]] };
  const known = JSON.parse(document.getElementById("json-subjects").textContent);
  const panel = document.getElementById("subject-panel");
  const picker = document.getElementById("subject-picker");

  // plotly's script is long: the page can be read before it is understood, at the first picture that is wanted
  function load() {
    if (window.Plotly) return;
    const script = document.createElement("script");
    script.textContent = document.getElementById("plotly").textContent;
    document.head.appendChild(script);
  }

  function draw(place) {
    if (place.dataset.drawn) return null;
    place.dataset.drawn = "yes";
    load();
    const figure = JSON.parse(document.getElementById("json-" + place.dataset.key).textContent);
    return Plotly.newPlot(place, figure.data, figure.layout, config).then(function () {
      place.on("plotly_click", function (event) {
        const point = event.points.find(function (one) { return one.customdata !== undefined && one.customdata !== null; });
        if (point) show(String(point.customdata));
      });
    });
  }

  function row(cells, head) {
    const line = document.createElement("tr");
    cells.forEach(function (text, place) {
      const cell = document.createElement(head || place === 0 ? "th" : "td");
      cell.textContent = text;
      if (!head && place > 0) cell.className = "number";
      line.appendChild(cell);
    });
    return line;
  }

  function fill(body, lines) {
    body.replaceChildren.apply(body, lines);
  }

  function show(id) {
    const subject = known.subjects[id];
    if (!subject) return;
    panel.dataset.subject = id;
    panel.hidden = false;
    picker.value = id;
    document.getElementById("subject-title").textContent = "Subject " + id;
    fill(document.querySelector("#subject-facts tbody"), subject.facts.map(function (pair) { return row(pair, false); }));
    fill(document.querySelector("#subject-rows thead"), [row(known.columns, true)]);
    fill(document.querySelector("#subject-rows tbody"), subject.rows.map(function (cells) { return row(cells, false); }));
    document.querySelectorAll("tr.chosen").forEach(function (one) { one.classList.remove("chosen"); });
    document.querySelectorAll("table.subjects tr").forEach(function (one) {
      if (one.dataset.subject === id) one.classList.add("chosen");
    });
    drawSubject(subject);
  }

  function drawSubject(subject) {
    load();
    const place = document.getElementById("subject-drawing");
    const at = known.columns.indexOf("TIME"), value = known.columns.indexOf("DV"), label = known.columns.indexOf("DVID");
    const traces = [];
    Object.entries(subject.curves || {}).forEach(function (pair) {
      const suffix = Object.keys(subject.curves).length > 1 ? " " + pair[0] : "";
      traces.push({ x: pair[1].TIME, y: pair[1].PRED, mode: "lines", name: "PRED" + suffix, line: { color: "#6fa8dc", dash: "dash", width: 1.6 } });
      traces.push({ x: pair[1].TIME, y: pair[1].IPRED, mode: "lines", name: "IPRED" + suffix, line: { color: "#12355b", width: 2 } });
    });
    const names = label < 0 ? [null] : Array.from(new Set(subject.rows.map(function (cells) { return cells[label]; })));
    names.forEach(function (name) {
      const own = subject.rows.filter(function (cells) { return name === null || cells[label] === name; });
      traces.push({
        x: own.map(function (cells) { return Number(cells[at]); }),
        y: own.map(function (cells) { return cells[value] === "" ? null : Number(cells[value]); }),
        mode: "markers", name: name === null ? "DV" : "DV " + name, marker: { color: "#444444", size: 7 }
      });
    });
    const layout = {
      height: 320, margin: { l: 46, r: 10, t: 10, b: 70 }, font: { size: 11 }, paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff",
      xaxis: { title: { text: "TIME" }, zeroline: false, showgrid: false, linecolor: "#888888", ticks: "outside" },
      yaxis: { zeroline: false, showgrid: false, linecolor: "#888888", ticks: "outside" }, legend: { orientation: "h", y: -0.28 }
    };
    Plotly.newPlot(place, traces, layout, { displaylogo: false, displayModeBar: false, responsive: true });
  }

  function hide() {
    panel.hidden = true;
    delete panel.dataset.subject;
    picker.value = "";
  }

  const places = Array.from(document.querySelectorAll(".drawing"));
  const seen = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (entry.isIntersecting) {
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    });
  }, { rootMargin: "300px" });
  places.forEach(function (place) { seen.observe(place); });
  window.addEventListener("beforeprint", function () { places.forEach(draw); });
  picker.addEventListener("change", function () { if (picker.value) { show(picker.value); } else { hide(); } });
  document.getElementById("subject-close").addEventListener("click", hide);
  document.addEventListener("keydown", function (event) { if (event.key === "Escape") hide(); });
  document.querySelectorAll("table.subjects tbody tr").forEach(function (line) {
    line.addEventListener("click", function () { show(line.dataset.subject); });
    line.addEventListener("keydown", function (event) { if (event.key === "Enter") show(line.dataset.subject); });
  });
})();
