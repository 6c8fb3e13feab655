"use strict";
(function () {
  var scheme = window.matchMedia("(prefers-color-scheme: dark)");
  var coarse = window.matchMedia("(pointer: coarse)");
  var figures = Array.from(document.querySelectorAll(".drawn"));

  // Figures take the colours of text and grid from the page.
  function pageColours(layout) {
    var style = window.getComputedStyle(document.documentElement);
    var of = function (name) { return style.getPropertyValue(name).trim(); };
    var change = {
      "font.color": of("--ink"),
      "hoverlabel.bgcolor": of("--paper"),
      "hoverlabel.bordercolor": of("--soft"),
      "hoverlabel.font.color": of("--ink")
    };
    Object.keys(layout).filter(function (key) { return /^[xy]axis\d*$/.test(key); })
      .forEach(function (axis) {
        change[axis + ".gridcolor"] = of("--rule");
        change[axis + ".linecolor"] = of("--soft");
        change[axis + ".tickcolor"] = of("--soft");
      });
    return change;
  }

  function set(target, path, value) {
    var keys = path.split("."), last = keys.pop();
    keys.forEach(function (key) { target = target[key] = target[key] || {}; });
    target[last] = value;
  }

  function draw(figure) {
    var spec = JSON.parse(document.getElementById(figure.dataset.spec).textContent);
    var change = pageColours(spec.layout);
    Object.keys(change).forEach(function (path) { set(spec.layout, path, change[path]); });
    if (coarse.matches) {
      // Touching a figure scrolls the page instead of zooming.
      spec.layout.dragmode = false;
    }
    figure.textContent = "";
    return window.Plotly.newPlot(figure, spec.data, spec.layout, {
      displayModeBar: false, responsive: true, showTips: false
    }).then(function () { figure.dataset.state = "drawn"; });
  }

  function recolour() {
    figures.forEach(function (figure) {
      if (figure.dataset.state === "drawn") {
        window.Plotly.relayout(figure, pageColours(figure.layout));
      }
    });
  }

  // One figure at a time, so that the page stays responsive while they are drawn.
  function drawNext(place) {
    if (place === figures.length) {
      document.documentElement.dataset.figures = "drawn";
      return;
    }
    draw(figures[place]).then(function () {
      window.setTimeout(function () { drawNext(place + 1); }, 0);
    });
  }

  scheme.addEventListener("change", recolour);
  window.addEventListener("beforeprint", function () {
    document.documentElement.dataset.print = "";
    recolour();
  });
  window.addEventListener("afterprint", function () {
    delete document.documentElement.dataset.print;
    recolour();
  });
  drawNext(0);
})();
