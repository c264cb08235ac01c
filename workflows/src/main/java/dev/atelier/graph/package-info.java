/**
 * What a network computes, as a list of operations: nothing but records, told apart by a visitor.
 */
package dev.atelier.graph;
