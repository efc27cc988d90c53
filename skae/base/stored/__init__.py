"""A fitted estimator as plain values and arrays, and back.

``classes`` lists what may occur, ``attributes`` what each estimator has, ``writing`` and
``reading`` go the two ways, ``networks`` looks at networks before they are built, and ``given``
knows what a file can not hold. ``saving`` is the method of the estimators.
"""
