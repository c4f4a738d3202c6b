// SPDX-License-Identifier: Apache-2.0
/** The same message for all codecs, both ways: telemetry of 16 members, 220 bytes of CBOR. Runs on Node and on XS. */

/** Ours, and for JSON the engine's own and ours, which is bounded as ours for CBOR is; it writes as the engine does. */
export const CODECS = Object.freeze(["ours", "cbor-x", "json", "bounded json"] as const);
export const DIRECTIONS = Object.freeze(["encode", "decode"] as const);

export interface TelemetryTask {
	codec: typeof CODECS[number];
	direction: typeof DIRECTIONS[number];
	/** Messages that are measured. */
	count: number;
}

const COUNT = 100;

export const TELEMETRY_TASKS: readonly TelemetryTask[] = DIRECTIONS.flatMap((direction) =>
	CODECS.map((codec) => ({ codec, direction, count: COUNT })));

export const TELEMETRY = {
	device: "lamp-421", sequence: 184467, uptime: 8640012, temperature: 21.53, humidity: 48.2, pressure: 101325,
	voltage: 3.31, charging: false, rssi: -67, heap: 48212, version: "1.4.2", error: null,
	place: { x: 52, y: -13 }, samples: [20, 21, 23, 22], counts: [17, 300, 70000], tags: ["hall", "light"],
};
