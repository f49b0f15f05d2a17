// Every act by keyboard: J and K move through the queue, Enter opens, T takes, M and Escape are the menu, ? tells.
(function () {
  'use strict';
  let at = null;  // the card's key survives its element
  const menu = document.getElementById('menu');
  function openMenu() { if (menu) { menu.open = true; menu.querySelector('nav a').focus(); } }
  function closeMenu() { menu.open = false; menu.querySelector('summary').focus(); }
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
    else if (key === 'm') openMenu(); else if (key === 'escape' && menu && menu.open) closeMenu();
    else if (key === '?' && help) { if (help.open) help.close(); else help.showModal(); }
    else return;
    event.preventDefault();
  });
  document.addEventListener('click', (event) => { if (menu && menu.open && !menu.contains(event.target)) menu.open = false; });
  if (menu) menu.addEventListener('focusout', (event) => { if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false; });
})();
