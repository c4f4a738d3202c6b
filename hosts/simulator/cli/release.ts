// SPDX-License-Identifier: Apache-2.0
/** `moorline release`: from what a build made to the one file that devices install. */
import { createHash } from "node:crypto";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ComponentKind, Manifest, ReleaseComponent } from "../../release/index.js";
import { Console, UsageError } from "./console.js";
import { type Base, checkOut, describeRelease, named, readBase, readBytes, readText, several, writeBytes } from "./release-files.js";

interface ReleaseCommandOptions {
	product: string;
	version: string;
	counter: number;
	image?: string;
	program?: string;
	sourceMap?: string;
	mod?: ReadonlyMap<string, string>;
	data?: ReadonlyMap<string, string>;
	from?: readonly string[];
	hardware?: readonly string[];
	minimum?: string;
	expires?: number;
	requires?: ReadonlyMap<string, string>;
	revoke?: readonly Uint8Array[];
	key?: string;
	unsigned?: boolean;
	out: string;
	json?: boolean;
	verbose?: boolean;
}

/** The name of the image among the components. */
const IMAGE = "main";

export function addRelease(program: Command): void {
	program.command("release")
		.description("Make a release out of a build: one signed file, with patches against older ones.")
		.requiredOption("--product <name>", "the product: no other one's devices take it")
		.requiredOption("--version <version>", "its version, SemVer; devices take newer ones only")
		.requiredOption("--counter <number>", "security counter: raise it where devices must never go back behind this release", counter)
		.addOption(new Option("--image <file>", "the firmware, as the boot loader wants it").conflicts("program"))
		.option("--program <program>", "a device program for the Node host, of which the image of its emulated boot loader is made")
		.option("--source-map <file>", "with --program: the map to its sources, for `moorline symbolicate`; keep it beside the release")
		.option("--mod <name=file>", "an XS archive; may be repeated", named)
		.option("--data <name=file>", "any other content; may be repeated", named)
		.option("--from <file>", "an older release, or image: a patch against it goes into the release; may be repeated", several)
		.option("--hardware <name>", "hardware that it is for; may be repeated; default: any", several)
		.option("--minimum <version>", "the oldest version that it may be installed over")
		.option("--expires <date>", "no device installs it after this date, such as 2030-12-31 or 2030-12-31T12:00:00Z", date)
		.option("--requires <name=word>", "what the image that runs must provide for this component; may be repeated", named)
		.option("--revoke <id>", "identifier of a key that is good for nothing once this is installed; may be repeated", keyIds)
		.addOption(new Option("--key <file>", "the private key that signs it: PEM, without a passphrase").conflicts("unsigned"))
		.option("--unsigned", "leave it to `moorline sign`; no device takes it before")
		.requiredOption("--out <file>", "the release")
		.option("--json", "print one JSON object a line")
		.option("--verbose", "show where a failure came from")
		.action(release);
}

async function release(options: ReleaseCommandOptions): Promise<void> {
	const { product, version, counter, hardware, minimum, expires, revoke: revoked, from = [], key, out } = options;
	const sources = sourcesOf(options);
	checkOptions(options, sources);
	const { createRelease, hex, readSigner, checkContents, viewManifest } = await import("../../release/index.js");
	const signer = key === undefined ? undefined : readSigner(await readText(key));
	const bases = await Promise.all(from.map(readBase));
	const components = await Promise.all(sources.map(async ({ name, kind, read }): Promise<ReleaseComponent> => ({
		name, kind,
		content: await read(),
		requires: options.requires?.get(name),
		bases: bases.flatMap(({ contents }) => contents.get(name) ?? []),
	})));
	const { file, manifest } = createRelease({ product, version, counter, hardware, minimum, expires, revoked, components, key: signer });
	// What a device would have to find out, on the machine that can still do something about it.
	checkContents(file, manifest, components.flatMap(({ bases = [] }) => bases));
	await writeBytes(out, file);
	const output = new Console(options), view = viewManifest(manifest), keyId = signer && hex(signer.id);
	const by = keyId === undefined ? "not signed" : `signed with key ${keyId}`;
	output.say("release", { file: out, key: keyId ?? null, manifest: view }, `${out}: ${by}\n${describeRelease(view)}`);
	for (const { base, name } of withoutPatch(manifest, bases)) {
		output.note("no-patch", { component: name, from: base.file }, `no patch from ${base.file} for ${name}: it is the same, or a patch would save too little`);
	}
}

/** A component before its content was read. */
interface Source {
	readonly name: string;
	readonly kind: ComponentKind;
	/** Where the content is a file as it is. */
	readonly file?: string;
	read(): Promise<Uint8Array>;
}

function sourcesOf({ image, program, sourceMap, mod, data }: ReleaseCommandOptions): Source[] {
	const ofFile = (kind: ComponentKind) => ([name, file]: readonly [string, string]): Source => ({ name, kind, file, read: () => readBytes(file) });
	return [
		...image === undefined ? [] : [ofFile("image")([IMAGE, image])],
		...program === undefined ? [] : [{ name: IMAGE, kind: "image", read: () => imageOf(program, sourceMap) } as const],
		...[...mod ?? []].map(ofFile("mod")),
		...[...data ?? []].map(ofFile("data")),
	];
}

/** @throws UsageError */
function checkOptions({ key, unsigned, out, from = [], requires, program, sourceMap }: ReleaseCommandOptions, sources: readonly Source[]): void {
	if (key === undefined && unsigned !== true) throw new UsageError("one of --key and --unsigned is needed");
	if (sourceMap !== undefined && program === undefined) throw new UsageError("--source-map needs --program");
	if (sources.length === 0) throw new UsageError("nothing to release: one of --image, --program, --mod and --data is needed");
	for (const name of requires?.keys() ?? []) {
		if (!sources.some(source => source.name === name)) throw new UsageError(`--requires ${name}=…: there is no component ${name}`);
	}
	checkOut(out, [key, sourceMap, ...sources.map(({ file }) => file), ...from]);
}

/** An image that the emulated boot loader of the Node host boots. @param sourceMap where the map to its sources is put */
async function imageOf(program: string, sourceMap: string | undefined): Promise<Uint8Array> {
	const [{ bundleWithMap }, { findProgram }, { wrapImage }, { crypto }] = await Promise.all([
		import("./bundle.js"), import("./program.js"), import("../../boot/index.js"), import("../../node/digest.js"),
	]);
	const { script, map } = await bundleWithMap(await findProgram(program), { format: "esm" });
	if (sourceMap !== undefined) await writeBytes(sourceMap, map);
	return wrapImage(Buffer.from(script), crypto);
}

/** Where `--from` led to no patch. */
function withoutPatch(manifest: Manifest, bases: readonly Base[]): { base: Base; name: string }[] {
	return bases.flatMap(base => manifest.components.flatMap(({ name, payloads }) => {
		const content = base.contents.get(name);
		if (content === undefined) return [];
		const digest = createHash("sha256").update(content).digest();
		return payloads.some(payload => payload.base !== undefined && digest.equals(payload.base)) ? [] : [{ base, name }];
	}));
}

function counter(text: string): number {
	const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
	if (!(value < 2 ** 32)) throw new InvalidArgumentError("Expected a whole number from 0 to 4294967295.");
	return value;
}

/** s since 1970. A day without a time ends at its end, wherever the device is. */
function date(text: string): number {
	const value = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T23:59:59Z` : text) / 1_000;
	if (!/^\d{4}-\d\d-\d\d(?:T.*(?:Z|[+-]\d\d:\d\d))?$/.test(text) || !(value >= 0)) {
		throw new InvalidArgumentError("Expected a date such as 2030-12-31, or a time such as 2030-12-31T12:00:00Z.");
	}
	return Math.floor(value);
}

function keyIds(text: string, former: readonly Uint8Array[] | undefined): readonly Uint8Array[] {
	if (!/^(?:[0-9a-f]{2}){1,32}$/.test(text)) throw new InvalidArgumentError("Expected the identifier that `moorline keygen` printed.");
	return [...former ?? [], new Uint8Array(Buffer.from(text, "hex"))];
}
