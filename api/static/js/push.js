// "Tell this phone": the browser asks its push service for a subscription, and we are given it.
(function () {
  'use strict';
  const form = document.getElementById('push-form');
  if (!form) return;
  const button = form.querySelector('button'), status = form.querySelector('[role=status]');
  function say(word) { status.textContent = form.dataset[word]; }
  function bytes(text) { return Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0)); }
  if (!('serviceWorker' in navigator) || !('PushManager' in window)) { say('cannot'); button.disabled = true; return; }
  async function registered() {
    const found = await navigator.serviceWorker.register(form.dataset.worker);
    const worker = found.installing || found.waiting || found.active;
    if (worker.state !== 'activated') {
      await new Promise((done) => worker.addEventListener('statechange', () => { if (worker.state === 'activated') done(); }));
    }
    return found;
  }
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      const worker = await registered();
      const to = (await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(form.dataset.key) })).toJSON();
      const body = { endpoint: to.endpoint, p256dh: to.keys.p256dh, auth: to.keys.auth, function: form.elements.function.value || null };
      const headers = { 'content-type': 'application/json', 'x-csrf-token': form.elements.csrf.value };
      const answer = await fetch('/api/v1/channels/push/subscriptions', { method: 'POST', headers, body: JSON.stringify(body) });
      say(answer.ok ? 'done' : 'failed');
    } catch (error) { say('failed'); }
  });
})();
