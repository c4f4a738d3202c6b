// SPDX-License-Identifier: Apache-2.0
/** The module `moorline/development` of an application that includes manifest-development.json by hand. */
export * from "moorline/dist/src/development/index";
