/** Looks over what a page shows: texts that are cut off, lie upon each other, were never put into words, or leave the window where nobody can scroll to them. */
import type { Page } from 'playwright-core';

export interface Seen {
  /** A text and what is wrong with it. */
  readonly cut: readonly string[];
  readonly overlapping: readonly string[];
  /** Keys of texts that no language has, as `review.ask`. */
  readonly rawKeys: readonly string[];
  /** Words of the markup, for the pseudo-language to be told from plain English. */
  readonly texts: readonly string[];
}

/** Runs in the page; texts over images and what is drawn are left out, they follow the image. */
export const lookOver = (page: Page): Promise<Seen> => page.evaluate(() => {
  interface Place { readonly element: Element; readonly text: string; readonly left: number; readonly top: number; readonly right: number; readonly bottom: number }
  const cut: string[] = [];
  const texts: string[] = [];
  const places: Place[] = [];
  const left = '.cells, .viewport, svg, canvas, .visually-hidden, .palette, option, script, style, .u-legend';
  const named = (element: Element, text: string, why: string): string => `${element.tagName.toLowerCase()}${element.className && typeof element.className === 'string' ? `.${element.className.split(' ').join('.')}` : ''} “${text.slice(0, 60)}” ${why}`;
  for (const element of document.querySelectorAll('body *')) {
    // What is there for screen readers alone is clipped to nothing.
    if (element.closest(left) || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || getComputedStyle(element).clipPath !== 'none') continue;
    const nodes = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && (node.textContent ?? '').trim() !== '');
    if (nodes.length === 0) continue;
    const text = nodes.map((node) => (node.textContent ?? '').trim()).join(' ');
    texts.push(text);
    const range = document.createRange();
    for (const node of nodes) {
      range.selectNodeContents(node);
      for (const line of range.getClientRects()) {
        if (line.width < 2 || line.height < 2) continue;
        let seen = { left: line.left, top: line.top, right: line.right, bottom: line.bottom };
        let isReachable = false;
        for (let above: Element | null = element; above && above !== document.documentElement; above = above.parentElement) {
          const { overflowX, overflowY, textOverflow, position } = getComputedStyle(above);
          if (overflowX === 'visible' && overflowY === 'visible') {
            if (position === 'fixed') break;
            continue;
          }
          const box = above.getBoundingClientRect();
          const scrollsX = /auto|scroll/.test(overflowX);
          const scrollsY = /auto|scroll/.test(overflowY);
          if (scrollsX || scrollsY) isReachable = true;
          const isShort = textOverflow === 'ellipsis';
          if (!scrollsX && overflowX !== 'visible' && !isShort && !isReachable && (seen.left < box.left - 2 || seen.right > box.right + 2)) cut.push(named(element, text, `is cut off at the side by ${above.className}`));
          if (!scrollsY && overflowY !== 'visible' && !isReachable && (seen.top < box.top - 3 || seen.bottom > box.bottom + 3)) cut.push(named(element, text, `is cut off above or below by ${above.className}`));
          seen = { left: Math.max(seen.left, box.left), top: Math.max(seen.top, box.top), right: Math.min(seen.right, box.right), bottom: Math.min(seen.bottom, box.bottom) };
        }
        if (!isReachable && (line.left < -1 || line.right > innerWidth + 1 || line.top < -1 || line.bottom > innerHeight + 1)) cut.push(named(element, text, 'lies outside the window'));
        if (seen.right - seen.left > 2 && seen.bottom - seen.top > 2) places.push({ element, text, ...seen });
      }
    }
  }
  const layerOf = (element: Element): Element | null => element.closest('[role=dialog], .notices, .drop, [role=listbox]');
  const overlapping: string[] = [];
  for (let i = 0; i < places.length; i++) {
    for (let j = i + 1; j < places.length; j++) {
      const [a, b] = [places[i] as Place, places[j] as Place];
      if (a.element === b.element || a.element.contains(b.element) || b.element.contains(a.element) || layerOf(a.element) !== layerOf(b.element)) continue;
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (width <= 3 || height <= 5) continue;
      // What stands over something else and covers it hides it; it does not run into it.
      const at = document.elementFromPoint(Math.max(a.left, b.left) + width / 2, Math.max(a.top, b.top) + height / 2);
      const top = at && (a.element.contains(at) || at.contains(a.element)) && (b.element.contains(at) || at.contains(b.element));
      if (top) overlapping.push(`${named(a.element, a.text, 'lies upon')} ${named(b.element, b.text, '')}`);
    }
  }
  return { cut: [...new Set(cut)], overlapping: [...new Set(overlapping)], rawKeys: texts.filter((text) => /^[a-z]+(?:\.[a-zA-Z0-9-]+)+$/.test(text) && !/\.(?:json|jsonl|safetensors|md|py|txt|dcm|png|zip|svs|tiff?|onnx|pdf|jinja)$/.test(text)), texts };
});
