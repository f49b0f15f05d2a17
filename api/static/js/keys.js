// Every act by keyboard: J and K move through the queue, Enter opens, T takes, ? tells.
(function () {
  'use strict';
  let at = null;  // the card's key survives its element
  function cards() { return [...document.querySelectorAll('#queue .card')]; }
  function move(step) {
    const all = cards();
    if (!all.length) return;
    const index = all.findIndex((c) => c.dataset.key === at), next = all[Math.max(0, Math.min(all.length - 1, index < 0 ? 0 : index + step))];
    for (const card of all) card.classList.toggle('at', card === next);
    at = next.dataset.key;
    next.scrollIntoView({ block: 'nearest' });
    const link = next.querySelector('.what a[href]');
    if (link) link.focus({ preventScroll: true });
  }
  function take() {
    const card = cards().find((c) => c.dataset.key === at);
    const form = (card || document.querySelector('#alert') || document).querySelector('form.take');
    if (form) form.requestSubmit();
  }
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target.matches && event.target.matches('input, textarea, select'))) return;
    const help = document.getElementById('help'), key = event.key.toLowerCase();
    if (key === 'j') move(1); else if (key === 'k') move(-1); else if (key === 't') take();
    else if (key === '?' && help) { if (help.open) help.close(); else help.showModal(); }
    else return;
    event.preventDefault();
  });
  document.addEventListener('click', (event) => { const menu = document.getElementById('menu'); if (menu && menu.open && !menu.contains(event.target)) menu.open = false; });
})();
