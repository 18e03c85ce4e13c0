import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import express, { type Router } from 'express'

const folder = join(import.meta.dirname, '..', 'page')
const uplot = dirname(createRequire(import.meta.url).resolve('uplot'))

/** The live page: files as they are, and uPlot from its package. Browsers ask again each time and mostly get a 304. */
export function pageRouter(): Router {
  const router = express.Router()
  const cacheControl = (response: { setHeader(name: string, value: string): unknown }) => {
    response.setHeader('Cache-Control', 'no-cache')
  }
  for (const file of ['uPlot.esm.js', 'uPlot.min.css']) {
    router.get(`/vendor/${file}`, (_request, response, next) => {
      cacheControl(response)
      response.sendFile(join(uplot, file), { cacheControl: false }, (error) => {
        if (error !== undefined) next(error)
      })
    })
  }
  router.use(
    express.static(folder, {
      cacheControl: false,
      dotfiles: 'ignore',
      redirect: false,
      setHeaders: cacheControl,
    }),
  )
  return router
}
