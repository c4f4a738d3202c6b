// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: what a log keeps, what a record allocates, and whether many of them leave something behind. */
import { native } from "../../hosts/xs/native.js";
import type { Host } from "../../src/host.js";
import { Log, type LogOptions } from "../../src/operations/log.js";
import { begin, end } from "./meter.js";
import host from "./xs-host.js";

const RECORDS = 10_000;
/** After which everything that is made once is made. */
const WARM_UP = 400;
const MEASURED = 50;
/** ms between two records: as many as may be. */
const PACE = 100;
const fields = { on: true, brightness: 30, scene: "evening" };
const options: LogOptions = { bytesPerMinute: 1_048_576, level: "info", upload: "always" };

const clock = { now: 0 };
const paced: Host = Object.freeze(Object.defineProperties({} as Host, {
	...Object.getOwnPropertyDescriptors(host),
	time: { value: { now: () => clock.now, wall: () => undefined }, enumerable: true },
}));
const kept: { log?: Log } = {};

function say(count: number, action: () => void): void {
	for (let index = 0; index < count; index++) {
		clock.now += PACE;
		action();
	}
}

/** As the service of reports does, with a cloud that takes all at once. */
function take(): void {
	const log = kept.log!;
	while (clock.now >= log.deadline) {
		if (log.next(clock.now) === undefined) break;
		log.accepted(clock.now);
	}
}

function allocated(name: string, count: number, action: () => void): void {
	begin();
	native.collector(false);
	say(count, action);
	end(name, count);
	native.collector(true);
}

function measureLog(): void {
	begin();
	kept.log = new Log(paced, 1, options);
	native.collect();
	end("live, where memory survives a reset");
	const log = kept.log;
	begin();
	const lamp = log.logger("lamp");
	native.collect();
	end("live: what a module writes with");
	const plain = (): void => lamp.info("switched");
	const full = (): void => lamp.info("switched", fields);
	const off = (): void => lamp.debug("switched", fields);
	const sent = (): void => {
		full();
		take();
	};
	say(WARM_UP, sent);
	allocated("allocated: a record that is off", MEASURED, off);
	allocated("allocated: a record without fields", 8, plain);
	take();
	allocated("allocated: a record with three fields", 8, full);
	take();
	allocated("allocated: a record with three fields, with its part of a batch that is sent", MEASURED, sent);
	begin();
	say(RECORDS, sent);
	native.collect();
	end("kept of 10,000 records that were sent");
	log.close();
	begin();
	const onFlash = kept.log = new Log(paced, 2, { ...options, flash: { partition: "state" } });
	onFlash.expire();
	onFlash.previous();
	native.collect();
	end("live: the same, and on flash");
	const net = onFlash.logger("net");
	const warn = (): void => {
		clock.now += 60_000;
		net.warning("gone", fields);
		onFlash.expire();
		take();
	};
	say(WARM_UP, warn);
	allocated("allocated: a record with three fields on flash, with its part of a batch", 8, warn);
	host.trace("ready");
}

// The engine collects what no function refers to any more once the program ran: what measures is to stay.
(globalThis as unknown as { kept: unknown }).kept = [kept, begin, end, say, take, allocated, measureLog, options, fields, clock, paced];
// In a turn of its own: what the start of a program leaves behind is not counted.
host.timer.set(measureLog, 1);
