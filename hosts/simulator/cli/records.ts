// SPDX-License-Identifier: Apache-2.0
/** What `moorline logs`, `trace` and `stats` show of what a running cloud keeps: the newest, in order, and what comes. */
import { InvalidArgumentError } from "commander";
import { askCloud, type AskingOptions } from "./asking.js";
import type { JsonObject } from "../services/json.js";
import { interruptible } from "./interrupt.js";
import { judge, newId, perform } from "./command.js";

export interface RecordsOptions extends AskingOptions {
	follow?: boolean;
	limit: number;
}

/** ms without a further record after which a device that was asked for them has sent all that it had. */
const QUIET = 1_500;
const LIMIT_MAXIMUM = 100_000;
/** ms. */
const TELL_TIMEOUT = 60_000;

export const LIMIT = 100;

export function limit(text: string): number {
	const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
	if (!(value >= 1 && value <= LIMIT_MAXIMUM)) throw new InvalidArgumentError(`Expected a whole number from 1 to ${LIMIT_MAXIMUM}.`);
	return value;
}

/** @param show told of those that there are, all at once, and then of each that comes */
export async function showRecords<Row>({ follow = false, limit, ...options }: RecordsOptions, store: string, device: string | undefined, show: (rows: readonly Row[]) => void): Promise<void> {
	await interruptible(async interrupted => {
		let first: Row[] | undefined = [];
		await askCloud<Row & { listed?: boolean }>(options, "records", { store, device, limit, follow }, row => {
			if (first === undefined) return show([row]);
			if (row.listed !== true) return first.push(row);
			show(first);
			first = undefined;
		}, interrupted);
	});
}

/** Has a device do what every device can. @throws DeviceError when it does not */
export async function tell(options: AskingOptions, device: string, command: string, parameters: JsonObject): Promise<void> {
	judge(command, await perform(options, { device, payload: { command, parameters }, timeout: TELL_TIMEOUT, id: newId() }, () => undefined));
}

/** Has a device send its reports of a kind, and waits until no more come. @throws DeviceError */
export async function upload(options: AskingOptions, device: string, kind: string, store: string): Promise<void> {
	const quiet = new AbortController();
	let timer: NodeJS.Timeout | undefined;
	const rest = (): void => {
		clearTimeout(timer);
		timer = setTimeout(() => { quiet.abort(); }, QUIET);
	};
	const followed = askCloud(options, "records", { store, device, limit: 1, follow: true }, () => { if (timer !== undefined) rest(); }, quiet.signal);
	try {
		await tell(options, device, "report", { kinds: [kind] });
		rest();
	} catch (error) {
		quiet.abort();
		throw error;
	} finally {
		await followed;
	}
}
