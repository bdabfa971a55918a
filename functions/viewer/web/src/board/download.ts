// Files made in the browser from what is on the page.
import { decodeColumn, isNumeric, type QueryData } from "../payload";
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

/** RFC 4180, with CRLF and a byte order mark for spreadsheets. */
export function toCsv(data: QueryData): string {
  const columns = data.values.map(decodeColumn);
  const lines = [data.columns.map((column) => quote(column.name, false))];
  for (let row = 0; row < data.rows; row += 1) {
    lines.push(data.columns.map(({ type }, index) => quote(formatForFile(columns[index]?.[row] ?? null, type), isNumeric(type))));
  }
  return `\uFEFF${lines.map((line) => line.join(",")).join("\r\n")}\r\n`;
}

function quote(value: string, numeric: boolean): string {
  let text = value;
  // A spreadsheet runs text that begins like a formula; an apostrophe makes it text again.
  if (!numeric && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
