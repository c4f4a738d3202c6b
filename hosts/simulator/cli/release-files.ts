// SPDX-License-Identifier: Apache-2.0
/** What the commands for releases share: files by their names, keys in files, and how a release is shown to people. */
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import { DeviceError } from "../../../src/base/error.js";
import type { ManifestView, PayloadView } from "../../release/index.js";
import { UsageError } from "./console.js";

/** @throws DeviceError `storage` */
export async function readBytes(file: string): Promise<Uint8Array> {
	try {
		return new Uint8Array(await readFile(file));
	} catch (error) {
		throw new DeviceError("storage", `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
	}
}

export async function readText(file: string): Promise<string> {
	return Buffer.from(await readBytes(file)).toString();
}

/** What was released before. */
export interface Base {
	readonly file: string;
	/** By the names of their components. */
	readonly contents: ReadonlyMap<string, Uint8Array>;
}

/** A release, or an image. Nobody need have signed it: from which base a patch is made is no matter of trust. */
export async function readBase(file: string): Promise<Base> {
	const { contentsOf, isRelease } = await import("../../release/index.js");
	const bytes = await readBytes(file);
	const contents = isRelease(bytes) ? contentsOf(bytes) : new Map([["main", bytes]]);
	if (contents.size === 0) throw new DeviceError("argument", `${file} holds patches, and the whole of nothing`);
	return { file, contents };
}

/** @param options `wx` refuses to overwrite @throws DeviceError `storage` */
export async function writeBytes(file: string, content: Uint8Array | string, options: { flag?: "wx"; mode?: number } = {}): Promise<void> {
	try {
		await writeFile(file, content, options);
	} catch (error) {
		throw new DeviceError("storage", `cannot write ${file}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
	}
}

/** A key that is overwritten is gone for good. @throws UsageError */
export function checkOut(out: string, inputs: Iterable<string | undefined>): void {
	for (const input of inputs) {
		if (input !== undefined && resolve(input) === resolve(out)) throw new UsageError(`--out ${out} would overwrite what it is made of`);
	}
}

/** For an option that may be given more than once. */
export function several(text: string, former: readonly string[] | undefined): readonly string[] {
	return [...former ?? [], text];
}

/** `NAME=VALUE`, as often as it is given. */
export function named(text: string, former: ReadonlyMap<string, string> | undefined): ReadonlyMap<string, string> {
	const [, name, value] = /^([a-z0-9]{1,12})=(.+)$/s.exec(text) ?? [];
	if (name === undefined || value === undefined) throw new InvalidArgumentError("Expected NAME=VALUE, the name of 1 to 12 of a-z and 0-9.");
	if (former?.has(name)) throw new InvalidArgumentError(`${name} is there already.`);
	return new Map([...former ?? [], [name, value]]);
}

/** A release for people, a line for itself and one for each component. */
export function describeRelease({ product, version, counter, hardware, minimum, expires, revoked, components, length }: ManifestView): string {
	const terms = [
		`${product} ${version}`, `counter ${counter}`, ...hardware === undefined ? [] : [`for ${hardware.join(", ")}`],
		...minimum === undefined ? [] : [`over ${minimum} or later`], ...expires === undefined ? [] : [`until ${expires}`],
		...revoked === undefined ? [] : [`revokes ${revoked.join(", ")}`], bytes(length),
	];
	const lines = components.map(({ name, kind, size, digest, requires, payloads }) => {
		const needs = requires === undefined ? "" : `, requires ${requires}`;
		return `  ${name}: ${kind} of ${bytes(size)}, SHA-256 ${digest}${needs}${payloads.map(payload => describePayload(payload, size)).join("")}`;
	});
	return [terms.join(", "), ...lines].join("\n");
}

function describePayload({ kind, size, base }: PayloadView, whole: number): string {
	if (base === undefined) return `\n    ${kind}: ${bytes(size)}`;
	return `\n    ${kind}: ${bytes(size)} (${(size / whole * 100).toFixed(1)} %) from SHA-256 ${base}`;
}

function bytes(count: number): string {
	return `${count.toLocaleString("en")} bytes`;
}
