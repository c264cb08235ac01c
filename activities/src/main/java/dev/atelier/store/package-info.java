/** What outlives a process: checkpoints and files in the object store, histories in Postgres. */
package dev.atelier.store;
