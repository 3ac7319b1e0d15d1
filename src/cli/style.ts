/** Bold and colour on a terminal, nothing elsewhere. Source: ECMA-48, select graphic rendition. */

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
}

const plain = (text: string): string => text;
const sgr =
  (begin: number, end: number) =>
  (text: string): string =>
    `\u001B[${begin}m${text}\u001B[${end}m`;

const PLAIN: Style = { bold: plain, dim: plain, red: plain, green: plain };
const COLOURED: Style = { bold: sgr(1, 22), dim: sgr(2, 22), red: sgr(31, 39), green: sgr(32, 39) };

export function styleFor(hasColour: boolean): Style {
  return hasColour ? COLOURED : PLAIN;
}
