// SPDX-License-Identifier: Apache-2.0
/** `moorline logs`: what a device logged, in the order in which it did. */
import { type Command, Option } from "commander";
import type { Row } from "../stores/tables.js";
import { asking } from "./asking.js";
import { Console } from "./console.js";
import { deviceName } from "./options.js";
import { printableLine } from "./printable.js";
import { LIMIT, limit, type RecordsOptions, showRecords, upload } from "./records.js";

interface LogsOptions extends RecordsOptions {
	level: typeof LEVELS[number];
	upload?: boolean;
}

/** By their numbers. */
const LEVELS = Object.freeze(["error", "warning", "info", "debug"] as const);

export function addLogs(program: Command): void {
	asking(program, "logs", "Show what a device logged, in the order in which it did: by the number of its boot, and within one by that of the record.")
		.argument("<device>", "its name", deviceName)
		.option("-f, --follow", "go on with what comes, until Ctrl-C")
		.addOption(new Option("--level <level>", "from this level up").choices(LEVELS).default("debug"))
		.addOption(new Option("--limit <count>", "the newest so many, of all levels").argParser(limit).default(LIMIT))
		.option("--upload", "have the device send first what it has")
		.action(async (device: string, options: LogsOptions) => {
			if (options.upload === true) await upload(options, device, "logs", "logs");
			const output = new Console(options), most = LEVELS.indexOf(options.level);
			await showRecords<Row<"logs">>(options, "logs", device, rows => {
				const records = rows.filter(({ level = 0 }) => level <= most).sort((left, right) => left.boot! - right.boot! || left.number! - right.number!);
				for (const record of records) output.say("log", { ...record, level: LEVELS[record.level!] }, lineOf(record));
			});
		});
}

function lineOf({ boot = 0, number = 0, uptime = 0, level = 2, module = "", message = "", fields }: Row<"logs">): string {
	const place = `${boot}/${number}`.padEnd(9), seconds = (uptime / 1_000).toFixed(3).padStart(10);
	return printableLine(`${place} ${seconds}  ${LEVELS[level]!.padEnd(7)}  ${module}: ${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}`);
}
