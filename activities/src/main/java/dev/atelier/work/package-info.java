/**
 * What a piece of work is given, whatever it does: a directory, word that it shall stop, files of
 * the store, and where it leaves what users see; the method knows these and no store.
 */
package dev.atelier.work;
