// What a new dashboard begins as: it names no table, so it costs nothing and is valid as it stands.
export const TEMPLATE = `version: 1
slug: my-dashboard # the dashboard will live at /view/my-dashboard
title: My dashboard
description: What it answers, and for whom
owner: data@example.com

queries:
  numbers:
    sql: |
      SELECT day, day * day AS squared
      FROM UNNEST(GENERATE_ARRAY(1, 10)) AS day

charts:
  - id: growth
    title: How it grows
    query: numbers
    mark: bar
    encoding:
      x: {field: day, type: ordinal}
      y: {field: squared, type: quantitative}
`;
