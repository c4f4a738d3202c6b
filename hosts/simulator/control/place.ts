// SPDX-License-Identifier: Apache-2.0
/**
 * Where a running cloud can be asked: a file in its directory, which only its owner can read, says port and token.
 *
 * A port of the loopback, not a socket in the file system, whose path may have 107 bytes and no more, and which Windows
 * lacks. The file also is what keeps a second cloud out of the directory; one that a killed cloud left is recognised,
 * as nobody answers there any more.
 */
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DeviceError } from "../../../src/base/error.js";
import { attempt, ifPresent } from "../../node/file.js";
import { ask } from "./client.js";

export interface ControlPlace {
	/** Of the process, for people. */
	readonly pid: number;
	readonly port: number;
	readonly token: string;
}

const FILE = "control.json";
/** Clouds that begin at the same moment, and one that stays: more often a file does not change hands. */
const ATTEMPTS = 5;
const TOKEN = /^[0-9a-f]{64}$/;

export function newToken(): string {
	return randomBytes(32).toString("hex");
}

/** @returns `undefined` where there is no file, or none of ours */
export function readPlace(directory: string): ControlPlace | undefined {
	const path = join(directory, FILE), text = ifPresent(`reading ${path}`, () => readFileSync(path, "utf8"));
	return text === undefined ? undefined : parse(text);
}

/**
 * Makes `place` the one of this directory.
 * @returns gives it back
 * @throws DeviceError `state` when a cloud that is running has it; `storage`
 */
export async function claimPlace(directory: string, place: ControlPlace): Promise<() => void> {
	const path = join(directory, FILE), own = asideOf(path);
	attempt(`writing ${own}`, () => {
		mkdirSync(directory, { recursive: true });
		writeFileSync(own, JSON.stringify(place), { mode: 0o600 });
	});
	try {
		for (let count = 0; count < ATTEMPTS; count++) {
			if (link(own, path)) return () => { release(directory, place); };
			const other = readPlace(directory);
			if (other !== undefined && await answers(other)) throw new DeviceError("state", `a cloud runs on ${directory} already: process ${other.pid}`);
			removeStale(path, other);
		}
		throw new DeviceError("state", `another cloud begins to run on ${directory}`);
	} finally {
		ifPresent(`deleting ${own}`, () => { unlinkSync(own); });
	}
}

/** @returns false when there is one already */
function link(own: string, path: string): boolean {
	try {
		linkSync(own, path);
		return true;
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "EEXIST") return false;
		throw new DeviceError("storage", `writing ${path} failed: ${code}`, { cause: error });
	}
}

async function answers(place: ControlPlace): Promise<boolean> {
	try {
		await ask(place, "hello", {}, () => undefined);
		return true;
	} catch {
		return false;
	}
}

/** Out of the way first: what was put there since it was read is put back. */
function removeStale(path: string, stale: ControlPlace | undefined): void {
	const aside = asideOf(path);
	ifPresent(`moving ${path}`, () => {
		renameSync(path, aside);
		if (parse(readFileSync(aside, "utf8"))?.token !== stale?.token) link(aside, path);
		unlinkSync(aside);
	});
}

/** A name that nobody else uses. */
function asideOf(path: string): string {
	return `${path}.${randomBytes(8).toString("hex")}`;
}

function release(directory: string, { token }: ControlPlace): void {
	if (readPlace(directory)?.token === token) ifPresent("deleting", () => { unlinkSync(join(directory, FILE)); });
}

function parse(text: string): ControlPlace | undefined {
	try {
		const { pid, port, token } = JSON.parse(text) as ControlPlace;
		return Number.isSafeInteger(pid) && Number.isSafeInteger(port) && port > 0 && port < 65_536 && TOKEN.test(token) ? { pid, port, token } : undefined;
	} catch {
		return undefined;
	}
}
