// Shows what web push brings, also when no page is open; a tap opens the page that asks.
self.addEventListener('push', (event) => {
  const shown = event.data.json();
  const options = { body: shown.text, tag: shown.id, requireInteraction: shown.priority === 'P1', data: { link: shown.link } };
  event.waitUntil(self.registration.showNotification(shown.title, options));
});
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data.link || '/'));
});
