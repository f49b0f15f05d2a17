// The two clocks of the frame. The page's: a beat over the live stream every 2 s, none for 5 s = this page is blind
// (judged a little before, so that the bar stands when the 5 s are over).
// The feed's: what the service says of its canary, told in each beat. Never driven by "the socket is open".
// Also here: service time for all counting texts, and the one signal (board:refresh) that lets fragments load anew.
(function () {
  'use strict';
  const root = document.documentElement;
  const BLIND_AFTER = 4600, REOPEN_AFTER = 3000, REFRESH_EVERY = 30000;
  const board = (window.board = { soon, now: serviceNow, refresh });

  let offset = Number(root.dataset.now) - performance.now();  // service clock minus this page's monotonic clock
  let lastBeat = performance.now(), lastBeatAt = Number(root.dataset.now), lastOpen = 0, lastRefresh = performance.now();
  let heardAt = null, source = null, wanted = false, out = false;

  function serviceNow() { return performance.now() + offset; }
  function pad(n) { return String(n).padStart(2, '0'); }
  function running(ms) { const s = Math.max(0, Math.floor(ms / 1000)); return pad(Math.floor(s / 60)) + ':' + pad(s % 60); }
  function span(ms) {
    const s = Math.max(0, Math.floor(ms / 1000)), hour = root.lang === 'nb' ? ' t' : ' h';
    if (s < 60) return s + ' s';
    if (s < 3600) return Math.floor(s / 60) + ' min';
    const m = Math.floor(s / 60) % 60;
    return Math.floor(s / 3600) + hour + (m ? ' ' + m + ' min' : '');
  }
  function clock(ms) {
    return new Intl.DateTimeFormat(root.lang === 'nb' ? 'nb-NO' : 'en-GB', { timeZone: root.dataset.tz, hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(ms);
  }
  function put(element, text) { if (element && element.textContent !== text) element.textContent = text; }

  function tick() { board.calmly('texts', count); watch(); }
  function count() {
    const now = serviceNow();
    for (const e of document.querySelectorAll('[data-since]')) { const age = now - e.dataset.since; put(e, age < 3600000 ? running(age) : e.dataset.then); }
    for (const e of document.querySelectorAll('[data-ago]')) { const age = now - e.dataset.ago; put(e, age < 3600000 ? span(age) : e.dataset.then); }
    for (const e of document.querySelectorAll('[data-until]')) { const left = e.dataset.until - now; put(e, left > 0 ? e.dataset.in.replace('{}', span(left + 999)) : e.dataset.soon); }
    if (heardAt !== null) put(document.querySelector('[data-heard-age]'), span(now - heardAt));
  }

  function watch() {
    const silence = performance.now() - lastBeat, blind = silence > BLIND_AFTER || out, bar = document.getElementById('blind');
    if (root.dataset.live !== 'yes') return;
    const was = root.dataset.page;
    root.dataset.page = blind ? 'blind' : 'live';
    if (bar) {
      bar.classList.toggle('out', out);
      put(bar.querySelector('[data-blind-at]'), clock(lastBeatAt));
      put(bar.querySelector('[data-blind-age]'), span(silence));
      if (bar.hidden === blind) window.board.calmly('blind-bar', () => { bar.hidden = root.dataset.page !== 'blind'; });
    }
    if (blind && was !== 'blind') document.title = '⚠ ' + document.title.replace(/^⚠ /, '');
    if (!blind && was === 'blind') { document.title = document.title.replace(/^⚠ /, ''); soon(); }
    const stale = !source || source.readyState === 2 || (silence > BLIND_AFTER * 2 && performance.now() - lastOpen > BLIND_AFTER * 2);
    if (stale && !out && performance.now() - lastOpen > REOPEN_AFTER) open();
    if (!blind && performance.now() - lastRefresh > REFRESH_EVERY) soon();
  }

  function open() {
    lastOpen = performance.now();
    if (source) source.close();
    source = new EventSource('/api/v1/live' + (board.last ? '?after=' + board.last : ''));
    source.addEventListener('beat', beat);
    for (const kind of ['alert', 'health', 'resident', 'setting', 'reset']) source.addEventListener(kind, (e) => { board.last = e.lastEventId || board.last; soon(); });
    source.addEventListener('hello', (e) => { board.last = e.lastEventId || board.last; soon(); });
    source.onerror = () => { if (source.readyState === 2) whoami(); };
  }
  function whoami() { fetch('/api/v1/session', { cache: 'no-store' }).then((r) => { if (r.status === 401) { out = true; watch(); } }).catch(() => {}); }

  function beat(event) {
    const said = JSON.parse(event.data);
    lastBeat = performance.now();
    lastBeatAt = Date.parse(said.at);
    offset = lastBeatAt - performance.now();
    feed(said.feed && said.feed.state, said.feed && said.feed.last_canary_at ? Date.parse(said.feed.last_canary_at) : null);
    const dot = document.querySelector('.dot');
    if (dot) dot.classList.toggle('beat');
    document.documentElement.dataset.beats = String(Number(root.dataset.beats || 0) + 1);
    tick();
  }
  function feed(state, heard) {
    if (heard !== null) heardAt = heard;
    const strip = document.getElementById('strip');
    if (state && (state !== root.dataset.feed || (strip && strip.dataset.feed !== state))) { root.dataset.feed = state; soon(); }
  }

  // Changes within a short while share one load of each fragment.
  function soon() { if (!wanted) { wanted = true; setTimeout(() => { wanted = false; refresh(); }, 40); } }
  function refresh() { lastRefresh = performance.now(); if (window.htmx && document.body) window.htmx.trigger(document.body, 'board:refresh'); }

  // A registered telephone tells that it is there: unheard for its limit, its function is rung together with the next.
  function there() { fetch('/api/v1/phones/heartbeat', { method: 'POST' }).catch(() => {}); }

  document.addEventListener('DOMContentLoaded', () => {
    const pulse = document.getElementById('pulse');
    if (pulse && pulse.dataset.heard) heardAt = Number(pulse.dataset.heard);
    if (root.dataset.live === 'yes') open();
    tick();
    setInterval(tick, 1000);
    setInterval(watch, 200);  // so that 5 s are 5 s
    if (root.dataset.phone === 'yes') { there(); setInterval(there, 60000); }
  });
  document.addEventListener('visibilitychange', () => { if (!document.hidden) { tick(); soon(); } });
})();
