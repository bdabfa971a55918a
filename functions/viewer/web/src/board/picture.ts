// A chart as a file: the drawing, above it what it shows, below it where that is from and of when.
import type { View } from "vega";

export interface Caption {
  title: string;
  /** Where it is from, and of when. */
  source: string;
}

const EDGE = 12;
const TITLE = { size: 15, height: 34 };
const SOURCE = { size: 11, height: 26 };
/** Wider than most letters are, in parts of their size: a picture is rather too wide than cut off. */
const LETTER = 0.6;
const SCALE = 2;

interface Frame {
  width: number;
  height: number;
  font: string;
  text: string;
  soft: string;
  surface: string;
}

export async function toSvg(view: View, caption: Caption): Promise<string> {
  const drawing = await view.toSVG();
  const [width = 0, height = 0] = ["width", "height"].map((name) => Number(new RegExp(`^<svg[^>]* ${name}="([\\d.]+)"`).exec(drawing)?.[1]));
  const frame = measure(width, height, caption);
  const write = (text: string, y: number, size: number, rest: string) => `<text x="${EDGE}" y="${y}" font-family="${escape(frame.font)}" font-size="${size}" ${rest}>${escape(text)}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${frame.width}" height="${frame.height}">`,
    `<rect width="100%" height="100%" fill="${escape(frame.surface)}"/>`,
    write(caption.title, TITLE.height - EDGE, TITLE.size, `font-weight="600" fill="${escape(frame.text)}"`),
    drawing.replace("<svg", `<svg y="${TITLE.height}"`),
    write(caption.source, frame.height - EDGE, SOURCE.size, `fill="${escape(frame.soft)}"`),
    "</svg>",
  ].join("\n");
}

/** A data: URL, twice as fine as the page. */
export async function toPng(view: View, caption: Caption): Promise<string> {
  const drawing = (await view.toCanvas(SCALE)) as HTMLCanvasElement;
  const frame = measure(drawing.width / SCALE, drawing.height / SCALE, caption);
  const canvas = document.createElement("canvas");
  canvas.width = frame.width * SCALE;
  canvas.height = frame.height * SCALE;
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("this browser draws no pictures");
  pen.fillStyle = frame.surface;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(drawing, 0, TITLE.height * SCALE);
  pen.scale(SCALE, SCALE);
  pen.fillStyle = frame.text;
  pen.font = `600 ${TITLE.size}px ${frame.font}`;
  pen.fillText(caption.title, EDGE, TITLE.height - EDGE);
  pen.fillStyle = frame.soft;
  pen.font = `${SOURCE.size}px ${frame.font}`;
  pen.fillText(caption.source, EDGE, frame.height - EDGE);
  return canvas.toDataURL("image/png");
}

function measure(width: number, height: number, { title, source }: Caption): Frame {
  const styles = getComputedStyle(document.documentElement);
  const read = (name: string) => styles.getPropertyValue(name).trim();
  const texts = [title.length * TITLE.size, source.length * SOURCE.size].map((size) => size * LETTER + 2 * EDGE);
  return {
    width: Math.ceil(Math.max(width, ...texts)),
    height: Math.ceil(height + TITLE.height + SOURCE.height),
    font: styles.fontFamily || "sans-serif",
    text: read("--text"),
    soft: read("--text-soft"),
    surface: read("--surface"),
  };
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
