// SPDX-License-Identifier: Apache-2.0
/** How little our device needs on the wire to be in sync at AWS. Beside the vendor's SDK: `npm run bench`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCloud } from "./cloud.js";
import { costOf, ID, LEAF_COUNT, leaves, ours } from "./wire.js";

/** Bytes: those of the document are 685. */
const REPORT_MAXIMUM = 1_200;

test(`in sync two round trips after CONNACK, one where the session was kept; ${LEAF_COUNT} members in ${REPORT_MAXIMUM} B`, { timeout: 30_000 }, async context => {
	const cloud = await makeCloud(context);
	const { aws: { broker, shadows }, tap } = cloud;
	const party = await ours(context, cloud);
	context.after(() => party.end());
	shadows.update(ID, { desired: { on: true }, reported: { on: true } });

	await party.begin();
	assert.equal(costOf(tap.take()).roundTrips, 1 + 2);
	broker.kick(ID, performance.now());
	await party.again();
	assert.equal(costOf(tap.take()).roundTrips, 1 + 1);
	await party.report(leaves());
	const { toCloud, roundTrips } = costOf(tap.take());
	assert.equal(roundTrips, 1);
	assert.ok(toCloud <= REPORT_MAXIMUM, `${toCloud} B`);
	assert.deepEqual(shadows.get(ID)?.state.reported, { on: true, ...leaves() });
});
