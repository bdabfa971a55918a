// Files made in the browser from what is on the page.
import { decodeColumn, type Cell, type QueryData } from "../payload";
import { formatForFile } from "./cells";

/** Hand the reader a file: a Blob, or the data: URL of a picture. */
export function saveFile(name: string, content: Blob | string): void {
  const url = typeof content === "string" ? content : URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  if (typeof content !== "string") setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** RFC 4180, with CRLF and a byte order mark for spreadsheets. NULL is nothing, a text without characters is `""`. */
export function toCsv(data: QueryData): string {
  const columns = data.values.map(decodeColumn);
  const lines = [data.columns.map((column) => quote(disarm(column.name)))];
  for (let row = 0; row < data.rows; row += 1) {
    lines.push(data.columns.map(({ type }, index) => writeCell(columns[index]?.[row] ?? null, type)));
  }
  return `\uFEFF${lines.map((line) => line.join(",")).join("\r\n")}\r\n`;
}

function writeCell(value: Cell, type: string): string {
  if (value === null) return "";
  const text = formatForFile(value, type);
  // Of all types only STRING can hold what a spreadsheet would run; the others stay as they are, a leading minus too.
  return quote(type === "STRING" ? disarm(text) : text);
}

/** A spreadsheet runs text that begins like a formula; an apostrophe makes it text again. */
function disarm(text: string): string {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function quote(text: string): string {
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
