/**
 * The words by which results, curves, events and files are known in the database, over REST and in
 * names of files. Histories hold them for ever: a word is added, and never changed.
 */
package dev.atelier.workflows.vocabulary;
