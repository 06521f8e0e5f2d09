// Ranges of a text: its hidden words, and the styles of a long text. They count characters (code points); a field of
// the page counts UTF-16, in which an emoji is two.

export const STYLES = ["bold", "italic", "highlight", "underline", "strikethrough"];

const characters = (text, end) => [...text.slice(0, end)].length;

// What is selected in a field; its length is 0 if there is only a caret.
export function selected({ value, selectionStart, selectionEnd }) {
  const offset = characters(value, selectionStart);
  return { offset, length: characters(value, selectionEnd) - offset };
}

export const wordsIn = (text, { offset, length }) => [...text].slice(offset, offset + length).join("");

// Moves ranges along with a change of their text. What is written within one belongs to it, and what is deleted of
// one it loses.
export function moved(ranges, before, after) {
  const [old, now] = [[...before], [...after]];
  let start = 0, end = 0;
  while (start < old.length && old[start] === now[start]) start += 1;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const tail = old.length - end; // from here on the text is the old one
  const by = now.length - old.length;
  return ranges.flatMap((range) => {
    const until = range.offset + range.length;
    const first = range.offset >= tail ? range.offset + by : range.offset <= start ? range.offset : tail + by;
    const last = until <= start ? until : until >= tail ? until + by : start;
    return last > first ? [{ ...range, offset: first, length: last - first }] : [];
  });
}

export const hasStyle = (styling, { offset, length }, style) =>
  length > 0 && styleOfEach(styling, offset + length).slice(offset).every((styles) => styles.includes(style));

// Gives a style to a range, or takes it away if all of the range has it. Ranges with styles do not overlap.
export function toggled(styling, { offset, length }, style) {
  const isOn = !hasStyle(styling, { offset, length }, style);
  const ends = [...styling, { offset, length }].map((range) => range.offset + range.length);
  const each = styleOfEach(styling, Math.max(...ends));
  for (let at = offset; at < offset + length; at += 1) {
    each[at] = STYLES.filter((it) => (it === style ? isOn : each[at].includes(it)));
  }
  const ranges = [];
  for (const [at, styles] of each.entries()) {
    const last = ranges.at(-1);
    if (last && last.offset + last.length === at && String(last.styles) === String(styles)) last.length += 1;
    else if (styles.length) ranges.push({ offset: at, length: 1, styles });
  }
  return ranges;
}

// The styles of each of the first characters of a text.
function styleOfEach(styling, count) {
  const each = Array(count).fill([]);
  for (const { offset, length, styles } of styling) each.fill(styles, offset, offset + length);
  return each;
}

// Cuts a text at its ranges. `show` gets the words of each, and the range.
export function pieces(text, ranges, show) {
  let end = 0;
  const cut = ranges.toSorted((a, b) => a.offset - b.offset).flatMap((range) => {
    const before = wordsIn(text, { offset: end, length: range.offset - end });
    end = range.offset + range.length;
    return [before, show(wordsIn(text, range), range)];
  });
  return [...cut, [...text].slice(end).join("")];
}
