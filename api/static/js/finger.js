// The finger, for everybody who changes what stands on a page. Two promises:
// Nothing moves under it: what would move the page waits until it is lifted and a little longer (`board.calmly`).
// No press is lost: a press is on what the finger went down on. Where the page moved all the same before it came up (a
// longer page above, a keyboard that closes), the browser would press what lies there now, or nothing at all, silently.
(function () {
  'use strict';
  const AFTER = 600;  // ms; who presses twice presses the same
  const LONGEST = 10000;  // ms; a hand that rests, or a release that the browser never told, keeps no alarm off the page
  const NEAR = 12;  // px; a finger that went further has changed its mind
  const THINGS = 'button, a[href], summary, label, input, select, textarea';
  const waiting = new Map();  // what would move -> the newest way to do it: an older one never comes after a newer
  let downAt = null, freeAt = 0, press = null;

  function busy() { const now = performance.now(); return (downAt !== null && now - downAt < LONGEST) || now < freeAt; }
  function calmly(what, work) { waiting.delete(what); if (busy()) waiting.set(what, work); else work(); }
  function later() { if (busy()) return; const jobs = [...waiting.values()]; waiting.clear(); for (const work of jobs) work(); }
  function lifted() { freeAt = 0; }  // an answer to the press has come: the page may show it

  function near(event) { return Math.hypot(event.clientX - press.x, event.clientY - press.y) <= NEAR; }
  function down(event) {
    downAt = performance.now();
    setTimeout(later, LONGEST + 10);
    const on = event.isPrimary && event.button === 0 && event.target.closest(THINGS);
    press = on ? { on, x: event.clientX, y: event.clientY } : null;
  }
  function up(event) {
    downAt = null;
    freeAt = performance.now() + AFTER;
    setTimeout(later, AFTER + 10);
    if (event.type === 'pointercancel' || (press && !near(event))) press = null;
    if (press && !press.on.isConnected && press.on.form) say();
  }
  function say() { const said = document.getElementById('said') || document.querySelector('.said'); if (said) said.textContent = document.body.dataset.unpressed; }

  // The click that a press ends in. What the keyboard or a script clicks (`detail` 0) is meant as it is.
  function click(event) {
    const on = press && press.on;
    if (!on || !event.isTrusted || !event.detail) return;
    press = null;
    if (on.contains(event.target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (on.isConnected) on.click();
  }

  document.addEventListener('pointerdown', down, { capture: true, passive: true });
  for (const kind of ['pointerup', 'pointercancel']) document.addEventListener(kind, up, { capture: true, passive: true });
  document.addEventListener('click', click, { capture: true });
  Object.assign(window.board, { calmly, lifted });
})();
