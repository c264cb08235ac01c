/**
 * The words by which results, curves, events and files are known in the database, over REST and in
 * names of files, which histories hold for ever.
 */
package dev.atelier.workflows.vocabulary;
