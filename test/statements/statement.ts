// SPDX-License-Identifier: Apache-2.0
/** A row of the tables: a normative statement by its number, and what proves that our client keeps to it. */

interface Said {
	/** As the specification numbers it. */
	id: string;
	/** In our words. */
	text: string;
}

/** `tests`: each "file › title", or "file › title › row" where the test goes through rows with names. */
export type Statement = Said & ({ tests: readonly string[] } | { reason: string });
