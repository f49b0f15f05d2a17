// Curves of what is measured, from /api/v1/residents/{id}/series with as many points as there are pixels to show.
(function () {
  'use strict';
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function median(numbers) { const sorted = [...numbers].sort((a, b) => a - b); return sorted[Math.floor(sorted.length / 2)]; }
  const locale = document.documentElement.lang === 'nb' ? 'nb-NO' : 'en-GB';
  function draw(figure, hours) {
    const plot = figure.querySelector('.plot'), to = window.board.now(), from = to - hours * 3600000;
    const url = new URL(figure.dataset.series, location);
    url.searchParams.set('from', new Date(from).toISOString());
    url.searchParams.set('to', new Date(to).toISOString());
    url.searchParams.set('points', String(Math.min(600, Math.max(100, Math.floor(plot.clientWidth / 2)))));
    fetch(url, { headers: { Accept: 'application/json' } }).then((r) => { if (!r.ok) throw new Error(r.status); return r.json(); }).then((said) => show(figure, plot, said.items || said.buckets || [], from, to), () => { plot.textContent = plot.dataset.failed; });
  }
  function show(figure, plot, items, from, to) {
    plot.textContent = '';
    if (!items.length) { plot.textContent = plot.dataset.none; return; }
    // a hole in the data is a hole in the curve: never a line over a time in which nothing was measured
    const x = [], mean = [], low = [], high = [], usual = items.length > 2 ? median(items.slice(1).map((b, i) => Date.parse(b.at) - Date.parse(items[i].at))) : Infinity;
    items.forEach((b, i) => {
      if (i && Date.parse(b.at) - Date.parse(items[i - 1].at) > usual * 2.5) { x.push((Date.parse(items[i - 1].at) + usual) / 1000); mean.push(null); low.push(null); high.push(null); }
      x.push(Date.parse(b.at) / 1000); mean.push(b.mean); low.push(b.low); high.push(b.high);
    });
    const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
    const last = figure.querySelector('.last');
    last.textContent = number.format(items[items.length - 1].mean) + (figure.dataset.unit ? ' ' + figure.dataset.unit : '');
    const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') } };
    const zone = document.documentElement.dataset.tz;
    new window.uPlot({
      width: plot.clientWidth, height: 180, legend: { show: false }, cursor: { y: false },
      tzDate: (s) => window.uPlot.tzDate(new Date(s * 1000), zone),
      scales: { x: { min: from / 1000, max: to / 1000 } },
      axes: [{ ...axis, values: (u, splits) => splits.map((s) => new Intl.DateTimeFormat(locale, to - from > 172800000 ? { timeZone: zone, day: 'numeric', month: 'short' } : { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(s * 1000)) }, { ...axis, size: 56, values: (u, splits) => splits.map((v) => number.format(v)) }],
      bands: [{ series: [1, 2], fill: colour('--cell1') }],
      series: [{}, { stroke: 'transparent', points: { show: false } }, { stroke: 'transparent', points: { show: false } }, { stroke: colour('--cell4'), width: 2, points: { show: items.length < 60 } }],
    }, [x, high, low, mean], plot);
    figure.dataset.drawn = String(items.length);
  }
  document.addEventListener('DOMContentLoaded', () => {
    const figures = [...document.querySelectorAll('.curve')], chips = [...document.querySelectorAll('#spans .chip')];
    const all = (hours) => { for (const figure of figures) draw(figure, hours); };
    for (const chip of chips) chip.addEventListener('click', () => { for (const c of chips) c.setAttribute('aria-pressed', String(c === chip)); all(Number(chip.dataset.hours)); });
    all(24);
    let timer = null;
    window.addEventListener('resize', () => { clearTimeout(timer); timer = setTimeout(() => all(Number((chips.find((c) => c.getAttribute('aria-pressed') === 'true') || { dataset: { hours: 24 } }).dataset.hours)), 200); });
  });
})();
