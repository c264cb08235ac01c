/**
 * What experiments keep in the store, as this machine uses it: datasets, models, lists of models,
 * files for users; and the directory where it is fetched to and worked on.
 */
package dev.atelier.artifacts;
