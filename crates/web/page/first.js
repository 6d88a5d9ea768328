// Before the app is there: which part of index.html is shown, in which language and theme. The app decides again.
const kept = (name) => {
  try { return localStorage.getItem(name); } catch { return null; }
};
const root = document.documentElement;
const languages = [kept('subrosa-language'), ...navigator.languages].map((tag) => tag?.split('-')[0].toLowerCase());
root.dataset.account = kept('subrosa-account') === null ? 'none' : 'remembered';
root.dataset.theme = kept('subrosa-theme') ?? 'system';
root.lang = languages.find((language) => ['en', 'de'].includes(language)) ?? 'en';
