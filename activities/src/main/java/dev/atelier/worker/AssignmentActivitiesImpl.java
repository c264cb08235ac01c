package dev.atelier.worker;

import dev.atelier.assignment.RangeFinder;
import dev.atelier.workflows.AssignmentActivities;

/** Finds the ranges of students. */
record AssignmentActivitiesImpl(Scopes scopes, RangeFinder finder) implements AssignmentActivities {

  @Override
  public PlannedRanges planRanges(PlanRanges task) {
    return scopes.call("drift-", scope -> new PlannedRanges(finder.find(task, scope)));
  }
}
