// SPDX-License-Identifier: Apache-2.0
/** `moorline trace`: the messages of a device with their contents, as the cloud saw them or as the device itself did. */
import type { Command } from "commander";
import { Option } from "commander";
import type { Row } from "../stores/tables.js";
import { asking } from "./asking.js";
import { Console } from "./console.js";
import { deviceName, duration } from "./options.js";
import { printableLine, time } from "./printable.js";
import { LIMIT, limit, type RecordsOptions, showRecords, tell, upload } from "./records.js";

interface TraceOptions extends RecordsOptions {
	device?: boolean;
	upload?: boolean;
	on?: number;
}

type Formats = typeof import("../services/formats.js");
/** Contents as they come: text, or what is none in base64. */
type Traced = Partial<Row<"messages"> & Row<"traces">> & { text?: string; base64?: string };

export function addTrace(program: Command): void {
	asking(program, "trace", "Show the messages of a device, with their contents, as the cloud saw them.")
		.argument("<device>", "its name", deviceName)
		.option("-f, --follow", "go on with what comes, until Ctrl-C")
		.addOption(new Option("--limit <count>", "the newest so many").argParser(limit).default(LIMIT))
		.option("--device", "instead those that the device itself traced and sent")
		.option("--upload", "the same, and have the device send first what it has")
		.option("--on <duration>", "have the device trace messages itself for so long, up to an hour", duration)
		.action(async (device: string, options: TraceOptions) => {
			if (options.on !== undefined) await tell(options, device, "trace", { seconds: Math.ceil(options.on / 1_000) });
			const formats = await import("../services/formats.js");
			const output = new Console(options), isOwn = options.device === true || options.upload === true;
			if (options.upload === true) await upload(options, device, "trace", "traces");
			await showRecords<Traced>(options, isOwn ? "traces" : "messages", device, rows => {
				const messages = isOwn ? [...rows].sort((left, right) => left.boot! - right.boot! || left.number! - right.number!) : rows;
				for (const message of messages) output.say("message", { ...message, sent: message.sent === 1 }, lineOf(message, formats));
			});
		});
}

/** `>` is by the device. */
function lineOf({ at, boot, number, sent, topic = "", size = 0, text, base64 }: Traced, formats: Formats): string {
	const place = boot === undefined ? time(at) : `${boot}/${number}`.padEnd(9);
	return printableLine(`${place} ${sent === 1 ? ">" : "<"} ${topic} (${size}) ${text ?? contentOf(Buffer.from(base64 ?? "", "base64"), formats)}`.trimEnd());
}

function contentOf(bytes: Buffer, { decode, formatOf }: Formats): string {
	try {
		if (formatOf(bytes) === "cbor") return JSON.stringify(decode("cbor", bytes));
	} catch {
		// A part of a longer one, or something else.
	}
	return bytes.toString("hex");
}
