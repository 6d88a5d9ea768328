// What a test does inside of a page: find, wait, measure. Called with the name of a deed, its argument and the
// time it may take; waits for changes of the document.
async (deed, argument, patienceMs) => {
  const all = (css) => Array.from(document.querySelectorAll(css));
  const isVisible = (element) =>
    element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
  const visible = (css) => all(css).filter(isVisible);
  const textOf = (element) => ("value" in element && element.tagName !== "BUTTON" && element.tagName !== "LI"
    ? element.value : element.innerText);
  const wait = (why, look) => new Promise((resolve, reject) => {
    let isOver = false;
    const check = () => {
      if (isOver) return;
      let found;
      try { found = look(); } catch (error) { end(); reject(error); return; }
      if (found !== undefined) { end(); resolve(found); }
    };
    const observer = new MutationObserver(check);
    const events = ["input", "change", "focusin", "focusout", "scroll", "scrollend", "load", "transitionend",
      "animationend", "readystatechange", "toggle", "close", "resize", "popstate"];
    const timer = setTimeout(() => {
      end();
      reject(new Error(`${why()}\n--- ${location.href}\n${document.body?.innerText.slice(0, 3000)}`));
    }, patienceMs);
    // The value of a field, whether a box is checked, and the layout change without a change of the document.
    const looks = setInterval(check, 100);
    const end = () => {
      isOver = true;
      observer.disconnect();
      clearTimeout(timer);
      clearInterval(looks);
      for (const name of events) window.removeEventListener(name, check, true);
    };
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    for (const name of events) window.addEventListener(name, check, true);
    document.addEventListener("readystatechange", check);
    check();
  });
  const some = (css) => wait(() => `nothing visible is ${css}`, () => visible(css)[0]);
  // Lets the next press through if it reaches this element, and nothing of it if not: since the test has looked, the
  // element may have moved or been drawn anew, and something else may be in its place.
  const aim = (element) => {
    window.testPress?.end();
    const kinds = ["pointerdown", "mousedown", "pointerup", "mouseup", "click"];
    const end = () => kinds.forEach((kind) => window.removeEventListener(kind, see, true));
    const press = { isHit: null, end };
    const decide = (isHit) => {
      end();
      press.isHit ??= isHit;
    };
    let down = null;
    function see(event) {
      if (!event.isTrusted) return;
      const { target, type } = event;
      const isWithin = element.isConnected && element.contains(target);
      down ??= { isWithin, isOnIt: isWithin || (element.isConnected && target.contains(element)) };
      const isOnIt = down.isOnIt && (type !== "click" || isWithin || !down.isWithin);
      if (!isOnIt) {
        event.stopImmediatePropagation();
        if (!type.startsWith("pointer")) event.preventDefault();
      }
      if (type === "click") decide(isOnIt);
      // If the element has gone while it was pressed, no click follows; otherwise it follows at once.
      if (type === "mouseup") setTimeout(() => decide(false), 500);
    }
    for (const kind of kinds) window.addEventListener(kind, see, true);
    window.testPress = press;
  };
  const deeds = {
    visible: ({ css }) => some(css).then(() => null),
    gone: ({ css }) => wait(() => `still there: ${css}`, () => (visible(css).length ? undefined : null)),
    count: ({ css }) => all(css).length,
    wait_count: ({ css, count }) => wait(() => `not ${count} but ${all(css).length} are ${css}`,
      () => (all(css).length === count ? null : undefined)),
    text: ({ css }) => some(css).then(textOf),
    texts: ({ css }) => all(css).map(textOf),
    wait_text: ({ css, part }) => wait(
      () => `no ${css} says ${JSON.stringify(part)}, but: ${JSON.stringify(all(css).map(textOf)).slice(0, 2000)}`,
      () => (all(css).some((element) => textOf(element).includes(part)) ? null : undefined)),
    attribute: ({ css, name }) => some(css).then((element) => element.getAttribute(name)),
    attributes: ({ css, name }) => all(css).map((element) => element.getAttribute(name)),
    until: ({ condition, isSo }) => wait(() => `it is not so: ${condition}`, () => isSo() || undefined),
    // Where to press, once nothing else lies above it.
    place: async ({ css, part }) => {
      let why = "";
      return wait(() => `cannot be pressed: ${css} ${part ?? ""}: ${why}`, () => {
        const element = visible(css).find((one) => part === null || textOf(one).includes(part));
        if (!element) { why = "not there"; return undefined; }
        if (element.matches(":disabled")) { why = "disabled"; return undefined; }
        element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
        const box = element.getBoundingClientRect();
        const x = Math.max(box.left, 0) / 2 + Math.min(box.right, innerWidth) / 2;
        const y = Math.max(box.top, 0) / 2 + Math.min(box.bottom, innerHeight) / 2;
        const hit = document.elementFromPoint(x, y);
        if (!hit || !(element.contains(hit) || hit.contains(element))) {
          why = `covered by ${hit?.outerHTML.slice(0, 200)}`;
          return undefined;
        }
        aim(element);
        return { x, y };
      });
    },
    // Whether the press has reached what it was meant for. One that has led to another page has.
    pressed: () => wait(() => "the press does not arrive", () => {
      const press = window.testPress;
      return press ? press.isHit ?? undefined : true;
    }),
    // Gives the focus as a click does, without needing a place on the screen.
    focus: ({ css }) => wait(() => `nothing can be written to: ${css}`, () => {
      const element = visible(css).find((one) => !one.matches(":disabled"));
      if (!element) return undefined;
      element.focus();
      return document.activeElement === element || element.contains(document.activeElement) ? null : undefined;
    }),
    insert: ({ text }) => document.execCommand("insertText", false, text),
    // What the keyboard is at, for people who walk.
    focused: () => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      // A field shows it by the box around it.
      const around = [element, element.parentElement, element.parentElement?.parentElement].filter(Boolean);
      const hasRing = around.some((one) => {
        const style = getComputedStyle(one);
        return style.outlineStyle !== "none" && style.outlineWidth !== "0px";
      });
      const box = element.getBoundingClientRect();
      const name = element.closest("[data-testid]");
      return {
        testid: name ? name.dataset.testid : "",
        tag: element.tagName.toLowerCase(),
        text: (element.getAttribute("aria-label") ?? element.innerText ?? "").slice(0, 60),
        hasRing,
        onScreen: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
      };
    },
  };
  return JSON.stringify((await deeds[deed](argument)) ?? null);
}
