// The sound of the board, made here with Web Audio. P1 repeats until claimed, P2 once; muted only per shift and with a
// sign. `data-sound-asked` on <html> counts how often playback was asked for, `data-sound-last` says for what.
(function () {
  'use strict';
  const root = document.documentElement, REPEAT = 4000;
  const PATTERNS = { ring: [[880, 0, .16], [660, .2, .16], [880, .4, .16], [660, .6, .16]], once: [[520, 0, .18], [660, .24, .24]] };
  let context = null, timer = null, ringing = false;

  function ready() {
    const Audio = window.AudioContext || window.webkitAudioContext;
    if (!Audio) return null;
    if (!context) context = new Audio();
    if (context.state === 'suspended') context.resume().then(tapSign, () => {});
    return context;
  }
  function play(name) {
    root.dataset.soundAsked = String(Number(root.dataset.soundAsked || 0) + 1);
    root.dataset.soundLast = name;
    const audio = ready();
    if (audio && audio.state === 'running') {
      for (const [hertz, at, seconds] of PATTERNS[name]) tone(audio, hertz, audio.currentTime + at, seconds);
    }
    tapSign();
  }
  function tone(audio, hertz, at, seconds) {
    const voice = audio.createOscillator(), volume = audio.createGain();
    voice.type = 'triangle';
    voice.frequency.value = hertz;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.5, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + seconds);
    voice.connect(volume).connect(audio.destination);
    voice.start(at);
    voice.stop(at + seconds + 0.05);
  }
  // A browser that has not been tapped stays silent: say so on the page instead of being calm.
  function tapSign() {
    const sign = document.getElementById('tap-for-sound');
    const hidden = muted() || Boolean(context && context.state === 'running');
    if (sign) window.board.calmly('tap-sign', () => { sign.hidden = hidden; });  // the tap that ends it is often an act
  }
  function strip() { return document.getElementById('strip'); }
  function muted() { const s = strip(); return Boolean(s && s.dataset.muted === 'yes'); }
  function words(text) { return (text || '').split(' ').filter(Boolean); }

  function look() {
    const s = strip();
    if (!s) return;
    const known = new Set(words(sessionStorage.getItem('sounded')));
    const fresh = words(s.dataset.once).filter((id) => !known.has(id));
    const ring = words(s.dataset.ring).length > 0 && !muted();
    sessionStorage.setItem('sounded', words(s.dataset.once).join(' '));
    if (ring && !ringing) { play('ring'); timer = setInterval(() => play('ring'), REPEAT); }
    if (!ring && ringing) { clearInterval(timer); context && context.state === 'running' && root.removeAttribute('data-sound-last'); }
    ringing = ring;
    root.dataset.ringing = ring ? 'yes' : 'no';
    if (fresh.length && !ring && !muted()) play('once');
    title(Number(s.dataset.unclaimed || 0));
    tapSign();
  }
  function title(count) {
    const plain = document.title.replace(/^(⚠ )?(\(\d+\) )?/, '');
    const sign = root.dataset.page === 'blind' ? '⚠ ' : '';
    document.title = sign + (count ? '(' + count + ') ' : '') + plain;
    const icon = document.getElementById('tab-icon'), href = '/tab-icon/' + Math.min(count, 10) + '.svg';
    if (icon && icon.getAttribute('href') !== href) icon.setAttribute('href', href);
  }
  window.board = Object.assign(window.board || {}, { sound: look });

  for (const kind of ['pointerdown', 'keydown']) document.addEventListener(kind, () => { ready(); tapSign(); }, { capture: true, passive: true });
  document.addEventListener('DOMContentLoaded', () => {
    if (root.dataset.live === 'yes') { ready(); look(); }
    document.body.addEventListener('htmx:afterSwap', () => look());
  });
})();
