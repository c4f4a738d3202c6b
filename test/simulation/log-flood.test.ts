// SPDX-License-Identifier: Apache-2.0
/** A device whose program logs without end: the cloud gets what was agreed, and the shadow does not wait for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { identityValues } from "../../hosts/simulator/identity.js";
import { WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld, text } from "../../hosts/world/index.js";
import { encodeCBOR } from "../../src/cbor/encode.js";
import type { CBORValue } from "../../src/cbor/value.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";
import { crypto } from "../unit/storage/digest.js";

const ID = "lamp";
const MINUTE = 60_000;
const MINUTES = (globalThis as { SEEDS?: number }).SEEDS === undefined ? 6 : 3;
const BYTES_PER_MINUTE = 3_072;
/** ms between two turns that log, and records in each. */
const PACE = 500;
const BURST = 10;
/** ms for a change to be reported, on a network of some ms. */
const PROMPT = 2_000;

interface Body { boot: number; lost?: number; records: [number, number, number, string, string, { turn: number; of: number }][] }

test("a flood of records keeps to its bytes a minute, and no change of the shadow waits for it", () => {
	const world = createWorld({ seed: 11, digest: (algorithm) => crypto.digest(algorithm) });
	const cloud = new WorldCloud(world);
	let said = 0;
	const errors: unknown[] = [];
	const device = world.device({
		id: ID, storage: { identity: identityValues(cloud.manufacture(ID)) }, partitions: { log: 8 * 4096 },
		program(host) {
			const own: Device = new Device({
				host, cloud: privateCloud(),
				log: { upload: "always", bytesPerMinute: BYTES_PER_MINUTE, flash: { partition: "log" } }, reports: { bytesPerMinute: 65_536 },
				onDelta(delta) {
					this.report(delta);
				},
				onError: (error) => errors.push(error),
			});
			const log = own.log("loud");
			let turn = 0;
			host.timer.repeat(() => {
				turn++;
				for (let of = 0; of < BURST; of++) {
					said++;
					if (of === 0) log.warning("again and again", { turn, of });
					else log.info("again and again", { turn, of });
				}
			}, PACE);
		},
	});
	world.advance(MINUTE);
	for (let change = 1; change <= MINUTES * 4; change++) {
		cloud.shadows.desire(ID, { change });
		world.run(() => cloud.shadows.get(ID).reported["change"] === change, { within: PROMPT });
		world.advance(MINUTE / 4);
	}
	assert.deepEqual([device.crashes, errors], [[], []]);
	const reports = cloud.reports.reports(ID, "logs").map(({ report, receivedAt }) => {
		return { body: report as unknown as Body, receivedAt, bytes: encodeCBOR(text, report as unknown as CBORValue).byteLength };
	});
	for (const { receivedAt } of reports) {
		const within = reports.filter((other) => other.receivedAt >= receivedAt && other.receivedAt < receivedAt + MINUTE);
		const bytes = within.reduce((sum, { bytes }) => sum + bytes, 0);
		assert.ok(bytes <= BYTES_PER_MINUTE, `${bytes} bytes in a minute`);
	}
	const records = reports.flatMap(({ body }) => body.records), lost = reports.reduce((sum, { body }) => sum + (body.lost ?? 0), 0);
	assert.ok(records.length > 10 * MINUTES, `${records.length} came through`);
	records.forEach(([number], index) => assert.ok(index === 0 || number > records[index - 1]![0], "in order"));
	const unknown = said - records.length - lost;
	assert.ok(unknown >= 0 && unknown < 2 * MINUTE / PACE * BURST, `of ${said}, ${records.length} came and ${lost} are known to be lost`);
});
