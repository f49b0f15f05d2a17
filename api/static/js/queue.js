// Loading fragments calmly: children are matched by data-key, kept when data-rev is the same, put into the new order
// otherwise. Nothing moves under a finger (finger.js); what came in out of sight is told by a mark ("1 ny").
(function () {
  'use strict';
  const SAID_FOR = 8000;

  function same(old, fresh) { return old.dataset.rev !== undefined && old.dataset.rev === fresh.dataset.rev && old.dataset.open === fresh.dataset.open; }
  function onItsWay(element) { return Boolean(element.querySelector('form.htmx-request')); }  // its answer is told in it
  function inUse(element) {
    const at = document.activeElement;
    if (at && element.contains(at) && at.matches('input:not([type=hidden]), textarea, select')) return true;
    return onItsWay(element) || Boolean(element.querySelector('details.unfold[open], form.document :checked'));
  }
  function keep(old, fresh) {
    const before = old.querySelector(':scope > .said'), after = fresh.querySelector(':scope > .said');
    if (before && after && before.textContent && !after.textContent) after.textContent = before.textContent;
    for (const details of old.querySelectorAll('details[open][id]')) { const twin = fresh.querySelector('#' + CSS.escape(details.id)); if (twin) twin.open = true; }
    if (old.classList.contains('at')) fresh.classList.add('at');
    const focused = document.activeElement;
    if (focused && old.contains(focused)) {
      const path = focused.getAttribute('href') || (focused.form && focused.form.getAttribute('action'));
      return () => { const twin = path && (fresh.querySelector('[href="' + path + '"]') || fresh.querySelector('form[action="' + path + '"] button')); (twin || fresh).focus({ preventScroll: true }); };
    }
    return null;
  }

  // What a fragment says of itself (who waits, what must sound) is taken at once, also while a finger is down.
  function facts(target, root) { for (const name of root.getAttributeNames()) if (name.startsWith('data-') || name === 'class') target.setAttribute(name, root.getAttribute(name)); }

  function settle(target, fragment) {
    const root = fragment.firstElementChild;
    if (!root || !target.isConnected) return;
    const anchor = anchorOf(target), top = anchor && anchor.getBoundingClientRect().top;
    const old = new Map([...target.children].filter((c) => c.dataset.key).map((c) => [c.dataset.key, c]));
    const added = [];
    let place = target.firstElementChild;
    for (const fresh of [...root.children]) {
      const before = old.get(fresh.dataset.key);
      old.delete(fresh.dataset.key);
      let element = fresh;
      if (before && (same(before, fresh) || inUse(before))) element = before;
      const focus = before && element !== before ? keep(before, fresh) : null;
      if (element === place) { place = place.nextElementSibling; } else { target.insertBefore(element, place); }
      if (before && element !== before) { if (before === place) place = place.nextElementSibling; before.remove(); }
      if (element !== before) { window.htmx.process(element); if (focus) focus(); }
      if (!before && element.matches('.card')) added.push(element);
    }
    for (const gone of old.values()) if (!onItsWay(gone)) gone.remove();
    if (anchor && anchor.isConnected && target.contains(anchor)) { const moved = anchor.getBoundingClientRect().top - top; if (moved && window.scrollY > 0) window.scrollBy(0, moved); }
    arrived(added);
  }
  // What the eye rests on: the first card in sight, so that rows above it do not push it away.
  function anchorOf(target) {
    if (target.id !== 'queue' || window.scrollY < 40) return null;
    return [...target.querySelectorAll('.card')].find((c) => c.getBoundingClientRect().top >= 60) || null;
  }
  function arrived(added) {
    const urgent = added.filter((c) => c.dataset.priority === 'P1' && c.dataset.unclaimed === 'yes');
    for (const card of urgent) {
      card.classList.add('arrived');
      const say = document.getElementById('announce');
      if (say) say.textContent = card.querySelector('.mark .sr').textContent + ': ' + card.querySelector('.what').textContent.replace(/\s+/g, ' ').trim();
    }
    const hidden = added.filter((c) => { const box = c.getBoundingClientRect(); return box.bottom < 60 || box.top > window.innerHeight; });
    const mark = document.getElementById('fresh');
    if (!mark || !hidden.length) return;
    const count = Number(mark.dataset.count || 0) + hidden.length;
    mark.dataset.count = String(count);
    mark.textContent = (count === 1 ? mark.dataset.one : mark.dataset.many).replace('{n}', count);
    mark.hidden = false;
  }
  function seen() { const mark = document.getElementById('fresh'); if (mark) { mark.hidden = true; mark.dataset.count = '0'; } }

  window.htmx.defineExtension('calm', {
    isInlineSwap: (style) => style === 'calm',
    handleSwap: (style, target, fragment) => {
      if (style !== 'calm') return false;
      if (fragment.firstElementChild) facts(target, fragment.firstElementChild);
      window.board.calmly(target, () => settle(target, fragment));
      return true;
    },
  });

  document.addEventListener('DOMContentLoaded', () => {
    const body = document.body, mark = document.getElementById('fresh');
    if (mark) mark.addEventListener('click', () => { window.scrollTo({ top: 0 }); seen(); });
    window.addEventListener('scroll', () => { if (window.scrollY < 40) seen(); }, { passive: true });
    // An answer to an act stands for a while; a refusal (409) is an answer too, a lost connection is told in words.
    body.addEventListener('htmx:beforeSwap', (e) => { if ([403, 404, 409, 422].includes(e.detail.xhr.status)) { e.detail.shouldSwap = true; e.detail.isError = false; } });
    body.addEventListener('htmx:afterSwap', (e) => { const said = e.detail.target; if (said && said.classList && said.classList.contains('said')) { forget(said); window.board.lifted(); window.board.refresh(); } });
    for (const kind of ['htmx:sendError', 'htmx:timeout', 'htmx:responseError']) body.addEventListener(kind, (e) => { const said = e.detail.target; if (said && said.classList && said.classList.contains('said')) said.textContent = body.dataset.unsent; });
    body.addEventListener('htmx:beforeRequest', (e) => { const form = e.detail.elt; if (form.matches && form.matches('form')) for (const b of form.querySelectorAll('button')) b.disabled = true; });
    body.addEventListener('htmx:afterRequest', (e) => { const form = e.detail.elt; if (form.matches && form.matches('form')) { for (const b of form.querySelectorAll('button')) b.disabled = false; if (e.detail.successful) { const fold = form.closest('details.unfold'); if (fold) fold.open = false; if (form.matches('.document')) form.reset(); } } });
    document.addEventListener('click', pane);
  });
  function forget(said) { const text = said.textContent; setTimeout(() => { for (const e of document.querySelectorAll('.said')) if (e.textContent === text) e.textContent = ''; }, SAID_FOR); }

  // Two panes: a card opens beside the queue; on a phone it is an ordinary page.
  function pane(event) {
    const link = event.target.closest && event.target.closest('a[data-pane]');
    const box = document.getElementById('pane');
    if (!link || !link.href || !box || event.metaKey || event.ctrlKey || event.shiftKey || !window.matchMedia('(min-width: 900px)').matches) return;
    event.preventDefault();
    const card = link.closest('.card'), path = '/alerts/' + card.dataset.alert;
    window.htmx.ajax('GET', '/parts' + path, { target: '#pane', swap: 'innerHTML' }).then(() => {
      history.replaceState(null, '', path + location.search);
      for (const other of document.querySelectorAll('.card[data-open]')) other.removeAttribute('data-open');
      card.dataset.open = 'yes';
      const queue = document.getElementById('queue');
      if (queue) { const url = new URL(queue.getAttribute('hx-get'), location); url.searchParams.set('open', card.dataset.alert); queue.setAttribute('hx-get', url.pathname + url.search); }
      box.scrollTop = 0;
      if (link.dataset.pane === 'why') { const why = document.getElementById('why'); if (why) why.scrollIntoView({ block: 'start' }); }
    });
  }
})();
