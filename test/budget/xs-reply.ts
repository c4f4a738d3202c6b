// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: a device that is connected, and what a reply of 64 KB to a command takes besides, half-way through it. */
import { Device } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import { native } from "../../hosts/xs/native.js";
import type { ReplySource } from "../../src/operations/reply.js";
import { begin, end } from "./meter.js";
import host from "./xs-host.js";

const LENGTH = 65_536;

let measured = false;
const source: ReplySource = {
	read(offset, target) {
		if (offset >= LENGTH / 2 && !measured) {
			measured = true;
			native.collect();
			end("live: a reply of 64 KB under way");
		}
		const count = Math.min(target.byteLength, LENGTH - offset);
		target.fill(offset >> 10, 0, count);
		// The cloud has all of it.
		if (count === 0) host.trace("ready");
		return count;
	},
};

let runs = 0;
new Device({
	host, cloud: privateCloud(),
	onConnected() {
		host.trace("ready");
	},
	onCommand(command) {
		// The first one makes what is made once.
		if (runs++ === 0) {
			command.succeed();
			return host.trace("ready");
		}
		begin();
		command.reply(source);
	},
});
