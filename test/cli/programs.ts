// SPDX-License-Identifier: Apache-2.0
/** Device programs for the tests of the command line, as text: they are bundled by what is tested. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Place } from "./command.js";

/** Counts its boots, restarts at the first and ends by itself at the second. */
export const RESTARTS = `
import host from "moorline/host";
const storage = host.storage.open({ path: "boots" });
const boots = (storage.read("count")?.[0] ?? 0) + 1;
storage.write("count", Uint8Array.of(boots));
host.trace("boot " + boots + " " + host.system.resetReason);
if (boots === 1) host.system.restart();
`;

/** Fails as a program does whose device has no identity of the right kind. */
export const FAILS = `
import { DeviceError } from "moorline";
throw new DeviceError("credential", "no identity fit for this cloud");
`;

export const IS_WRONG = "import host from \"moorline/host\";\nhost.trace(;\n";

export const IMPORTS_NOTHING = "import { missing } from \"moorline/missing\";\nmissing();\n";

export async function writeProgram(place: Place, name: string, text: string): Promise<string> {
	await writeFile(join(place.path, name), text);
	return name;
}

/** A program that holds a connection to this test: it ends with the program's process, however that ends. */
export async function lifeline(context: TestContext): Promise<{ text: string; held: Promise<{ lost: Promise<unknown> }> }> {
	const server = createServer().listen(0, "127.0.0.1");
	context.after(() => { server.close(); });
	await once(server, "listening");
	const held = once(server, "connection").then(([socket]: Socket[]) => {
		socket!.on("error", () => undefined).resume();
		return { lost: new Promise(resolve => socket!.once("close", resolve)) };
	});
	const { port } = server.address() as AddressInfo;
	return { held, text: `import { connect } from "node:net";\nimport "moorline/host";\nconnect(${port}, "127.0.0.1");\n` };
}
