/** Which code decides a result: the versions that checkpoints, protocols and fingerprints name. */
package dev.atelier.version;
