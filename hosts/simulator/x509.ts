// SPDX-License-Identifier: Apache-2.0
/**
 * Loads `@peculiar/x509`.
 *
 * The package refuses to load without a polyfill of decorator metadata that one of its dependencies could use and that
 * nothing here does. A stand-in is present while it loads and gone afterwards, so that a program which brings a real
 * polyfill finds `Reflect` as it was.
 */
type X509 = typeof import("@peculiar/x509");

let loaded: Promise<X509> | undefined;

export function loadX509(): Promise<X509> {
	return loaded ??= load();
}

async function load(): Promise<X509> {
	const reflect = Reflect as { getMetadata?: () => undefined; getOwnMetadata?: () => undefined };
	if (reflect.getMetadata) return import("@peculiar/x509");
	reflect.getMetadata = reflect.getOwnMetadata = () => undefined;
	try {
		return await import("@peculiar/x509");
	} finally {
		delete reflect.getMetadata;
		delete reflect.getOwnMetadata;
	}
}
