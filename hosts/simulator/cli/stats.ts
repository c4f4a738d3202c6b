// SPDX-License-Identifier: Apache-2.0
/** `moorline stats`: what devices did, in numbers, and what somebody should know of them. */
import type { Command } from "commander";
import type { Notification } from "../operations/notifications.js";
import type { DeviceStatistics, FleetStatistics } from "../operations/statistics.js";
import { asking, askOnce } from "./asking.js";
import { Console } from "./console.js";
import { deviceName } from "./options.js";
import { printableLine, span, table, time } from "./printable.js";
import { LIMIT, limit, type RecordsOptions, showRecords } from "./records.js";

interface StatsOptions extends RecordsOptions {
	notifications?: boolean;
}

type Stats = Partial<FleetStatistics> & Partial<Omit<DeviceStatistics, "online">> & { raised: readonly Notification[] };

export function addStats(program: Command): void {
	asking(program, "stats", "Show what devices did, in numbers, of one or of all together, and what there is to tell of them.")
		.argument("[device]", "its name", deviceName)
		.option("--notifications", "show what was told of, and when it was over")
		.option("-f, --follow", "the same, and go on with what comes, until Ctrl-C")
		.option("--limit <count>", "with --notifications the newest so many", limit, LIMIT)
		.action(async (device: string | undefined, options: StatsOptions) => {
			const output = new Console(options);
			if (options.notifications !== true && options.follow !== true) {
				const stats = await askOnce<Stats>(options, "stats", { device });
				return output.say("stats", stats, textOf(stats, device));
			}
			await showRecords<Notification & { at: number }>(options, "notifications", device, rows => {
				for (const notification of rows) output.say("notification", notification, notificationText(notification));
			});
		});
}

/** One line: what is over stands behind what lasts. */
export function notificationText({ rule, text, raisedAt, clearedAt }: Notification): string {
	const isOver = clearedAt !== undefined && clearedAt !== raisedAt;
	return printableLine(`${time(clearedAt ?? raisedAt)} ${isOver ? "over" : "told"} ${rule}: ${text}`);
}

function textOf(stats: Stats, device: string | undefined): string {
	const { devices, online, connections = 0, onlineTime = 0, sent, received, commands = {}, updates = {}, crashes = {}, heartbeat, raised } = stats, none = { messages: 0, bytes: 0 };
	const rows: [string, string][] = [
		device === undefined ? ["devices", `${devices}, ${online} online`] : ["device", `${device}, ${online ? "online" : "offline"}`],
		["connections", `${connections}, ${span(onlineTime)} in all`],
		["sent", trafficOf(sent ?? none)], ["received", trafficOf(received ?? none)],
		["commands", countsOf(commands)], ["updates", countsOf(updates)],
	];
	const sections = [rows.map(([name, text]) => `${name.padEnd(11)}  ${text}`).join("\n")];
	const crashRows = Object.entries(crashes).map(([fingerprint, { count, reason, message = "", lastAt }]) => [fingerprint, String(count), time(lastAt), reason, message]);
	if (crashRows.length > 0) sections.push(table(["CRASH", "COUNT", "LAST", "REASON", "MESSAGE"], crashRows));
	if (heartbeat !== undefined) {
		const { at, counters, gauges } = heartbeat;
		const metrics = [...Object.entries(gauges).map(each => [...each, "gauge"]), ...Object.entries(counters).map(each => [...each, "counter"])];
		sections.push(`heartbeat of ${time(at)}\n${table(["METRIC", "VALUE", "KIND"], metrics.map(row => row.map(String)))}`);
	}
	if (raised.length > 0) sections.push(raised.map(notificationText).join("\n"));
	return sections.join("\n\n");
}

function trafficOf({ messages, bytes }: { messages: number; bytes: number }): string {
	return `${messages} messages, ${bytes} bytes`;
}

function countsOf(counts: Readonly<Record<string, number>>): string {
	const entries = Object.entries(counts);
	return entries.length === 0 ? "none" : entries.map(([outcome, count]) => `${count} ${outcome}`).join(", ");
}
