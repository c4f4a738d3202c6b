// SPDX-License-Identifier: Apache-2.0
/** Golioth, whatever it sends: at most an error for each message, and the next good one is taken. */
import assert from "node:assert/strict";
import { Code } from "../../src/coap/constants.js";
import type { Command } from "../../src/operations/command.js";
import { Commands } from "../../src/operations/commands.js";
import { Jobs } from "../../src/operations/jobs.js";
import { Shadow } from "../../src/shadow/shadow.js";
import vectors from "../vectors/golioth.json" with { type: "json" };
import { GoliothRig } from "../unit/clouds/golioth-rig.js";
import { toHex } from "../unit/hex.js";
import { property, type Random } from "./random.js";

const MESSAGES = [vectors.rpcRequest, vectors.rpcEstablished, vectors.settings, vectors.manifest, vectors.settingsStatus, vectors.report, "f6", "a1626f6ef5", ""];
const PATHS = [".rpc", ".u/desired", ".c", ".d/desired"];
const CODES = [Code.CONTENT, Code.CONTENT, Code.CHANGED, Code.NOT_FOUND, Code.BAD_REQUEST, Code.TOO_MANY_REQUESTS, Code.SERVICE_UNAVAILABLE];

/** One of its messages, some of it broken. */
function payload(random: Random): string {
	const hex = random.pick(MESSAGES);
	if (hex === "" || random.once(4)) return hex;
	const at = 2 * random.below(hex.length / 2);
	const byte = toHex(Uint8Array.of(random.below(256)));
	switch (random.below(4)) {
		case 0: return hex.slice(0, at);
		case 1: return hex.slice(0, at) + byte + hex.slice(at);
		case 2: return hex.slice(0, at) + hex.slice(at + 2);
		default: return hex.slice(0, at) + byte + hex.slice(at + 2);
	}
}

property("whatever Golioth sends, each message is an error at most and the device goes on", 300, (random) => {
	const rig = new GoliothRig();
	const commands: Command[] = [];
	const made = new Commands({ onCommand: (command) => { commands.push(command); } });
	const jobs = new Jobs({ onJob: (job) => job.progress({ update: "receiving" }) });
	const shadow = new Shadow({ onDelta: (delta) => shadow.report(delta) });
	const settings = new Shadow({ onDelta: (delta) => settings.report(delta) });
	rig.services.push(made, jobs, shadow, settings);
	rig.connection.addCommands(made);
	rig.connection.addJobs(jobs);
	rig.connection.addShadow("", shadow);
	rig.connection.addShadow("settings", settings);
	rig.accept();
	for (let count = 0; count < 20; count++) {
		if (random.once(2)) rig.notify(random.pick(PATHS), payload(random));
		else if (rig.isAsked) rig.answer(random.pick(CODES), payload(random));
		if (random.once(6)) rig.host.advance(random.pick([100, 20_000]));
		if (random.once(5)) commands.pop()?.succeed();
		if (random.once(12)) {
			rig.lose();
			rig.accept();
		}
	}
	rig.lose();
	rig.accept();
	const before = rig.take().length;
	assert.ok(before > 0);
	rig.notify(".rpc", vectors.rpcRequest.replace("627231", "627a7a"));
	assert.equal(commands.at(-1)?.id, "zz");
});
