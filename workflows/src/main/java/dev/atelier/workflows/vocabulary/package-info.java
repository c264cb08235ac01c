/**
 * The words by which results, curves, events and files are known in the database, over REST and in
 * names of files, which histories hold for ever; and how figures are written for people.
 */
package dev.atelier.workflows.vocabulary;
