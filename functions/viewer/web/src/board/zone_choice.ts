// The zone that moments are shown in: the dashboard's own, or another that the reader chooses. The address keeps it.
import { holdsMoments } from "./column_parts";
import { readChosenZone } from "./parameters";
import { isTimeZone, readTimeZone, setTimeZone } from "./time_zone";
import { h } from "../dom";
import type { Payload } from "../payload";

export function chooseZone(payload: Payload): void {
  const chosen = readChosenZone();
  setTimeZone(chosen !== null && isTimeZone(chosen) ? chosen : ownZone(payload));
}

/** The control that says the zone; null where the dashboard shows no moment. */
export function drawZoneChoice(payload: Payload, onChange: (zone: string | null) => void): HTMLElement | null {
  const columns = Object.values(payload.queries).flatMap((query) => query.columns);
  if (!columns.some(({ type }) => holdsMoments(type))) return null;
  const own = ownZone(payload);
  const reader = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const likely = [...new Set([own, reader, "UTC"])];
  const others = Intl.supportedValuesOf("timeZone").filter((zone) => !likely.includes(zone));
  if (!likely.includes(readTimeZone())) likely.push(readTimeZone());
  const draw = (zone: string) => h("option", { value: zone, selected: zone === readTimeZone() }, zone);
  const select = h(
    "select",
    { name: "_zone", onchange: () => onChange(select.value === own ? null : select.value) },
    ...likely.map(draw),
    h("optgroup", { label: "All zones" }, ...others.filter((zone) => !likely.includes(zone)).map(draw)),
  );
  return h("label", { class: "control zone" }, h("span", {}, "Times in"), select);
}

function ownZone({ time_zone: zone }: Payload): string {
  return zone ?? "UTC";
}
