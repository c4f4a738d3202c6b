// SPDX-License-Identifier: Apache-2.0
/**
 * The three functions of the Reflect metadata proposal that `@peculiar/x509` (through tsyringe) calls.
 *
 * Import it before `@peculiar/x509`. It steps back for a polyfill that is already there.
 */
type Metadata = Map<unknown, unknown>;

const metadata = new WeakMap<object, Metadata>();
const reflect = Reflect as unknown as Record<string, unknown>;

function getOwnMetadata(key: unknown, target: object): unknown {
	return metadata.get(target)?.get(key);
}

function getMetadata(key: unknown, target: object): unknown {
	for (let holder: object | null = target; holder !== null; holder = Object.getPrototypeOf(holder)) {
		if (metadata.get(holder)?.has(key)) return getOwnMetadata(key, holder);
	}
	return undefined;
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
	const own: Metadata = metadata.get(target) ?? new Map();
	metadata.set(target, own.set(key, value));
}

if (reflect["getMetadata"] === undefined) Object.assign(reflect, { getOwnMetadata, getMetadata, defineMetadata });
