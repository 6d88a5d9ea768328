// Keeps the app's own files for use without a network. It never touches the API, and holds no data of the user.
const BUILD = 'subrosa-{{build}}';
const SHELL = {{shell}};

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(BUILD);
    await cache.addAll(['/', ...SHELL].map((path) => new Request(path, { cache: path.startsWith('/assets/') ? 'default' : 'reload' })));
    await self.skipWaiting();
  })());
});

// It waits for nothing that a page does, and claims no page: one that was starting its worker in that instant was
// seen in Firefox (ESR 140) to wait for the activation, and the activation for it, for ever. A page loaded before is
// served by the network until it is loaded again.
self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith('subrosa-') && name !== BUILD) await caches.delete(name);
    }
  })());
});

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith('/v1/') || url.pathname.startsWith('/docs')) return;
  if (event.request.mode === 'navigate') {
    event.respondWith((async () => {
      try {
        const answer = await fetch(event.request);
        if (answer.ok) return answer;
        return (await caches.match('/')) ?? answer;
      } catch (error) {
        const kept = await caches.match('/');
        if (kept) return kept;
        throw error;
      }
    })());
  } else if (SHELL.includes(url.pathname)) {
    event.respondWith((async () => (await caches.match(event.request, { ignoreVary: true })) ?? fetch(event.request))());
  }
});
